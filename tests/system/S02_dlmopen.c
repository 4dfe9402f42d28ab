// A plugin in a namespace of its own has its own C library: its blocks reach our free; its globals and threads hold ours.
// plugin: dlopen
#include "check.h"
#include <dlfcn.h>
#include <malloc.h>

#ifdef PLUGIN
static char **slots_of_thread;
static volatile int ready;

char *plugin_alloc(size_t size) { return (char *)malloc(size); }
void plugin_put(size_t i, char *p) { slots[i] = p; }
void plugin_drop(size_t i) { slots[i] = NULL; }

static void *body(void *unused)
{
    char *on_stack[100] = {0};
    SET(slots_of_thread, on_stack);
    while (!GET(ready)) usleep(1000);
    return unused;
}
void plugin_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, body, NULL);
    while (!GET(slots_of_thread)) usleep(1000);
}
void plugin_thread_put(size_t i, char *p) { slots_of_thread[i] = p; }
void plugin_thread_drop(size_t i) { slots_of_thread[i] = NULL; }
#else
int main(void)
{
    void *plugin = dlmopen(LM_ID_NEWLM, PLUGIN_PATH, RTLD_NOW);
    CHECK(plugin, "%s", dlerror());
    char *(*alloc)(size_t) = (char *(*)(size_t))dlsym(plugin, "plugin_alloc");
    for (size_t size = 1; size < 1000; size += 7) {
        char *p = alloc(size);
        CHECK(malloc_usable_size(p) >= size);
        memset(p, 1, size);
        free(p);
    }
    hazard(100, 100, (put_function *)dlsym(plugin, "plugin_put"), (drop_function *)dlsym(plugin, "plugin_drop"));
    ((void (*)(void))dlsym(plugin, "plugin_thread"))();
    hazard_may_pause(100, 100, (put_function *)dlsym(plugin, "plugin_thread_put"), (drop_function *)dlsym(plugin, "plugin_thread_drop"));
}
#endif
