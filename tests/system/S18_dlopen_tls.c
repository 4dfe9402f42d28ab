// The only pointers are in thread-local variables of a dlopened library, in three threads.
// plugin: dlopen
#include "check.h"
#include <dlfcn.h>

#ifdef PLUGIN
static __thread char *local[200];
char **plugin_slots(void) { return local; }
#else
enum { THREADS = 2 };
static char **(*plugin_slots)(void), **tables[THREADS + 1];
static int ready, go;

static void put(size_t i, char *p) { tables[i % (THREADS + 1)][i / (THREADS + 1)] = p; }
static void drop(size_t i) { tables[i % (THREADS + 1)][i / (THREADS + 1)] = NULL; }

static void *body(void *index)
{
    while (!GET(plugin_slots)) usleep(500);
    tables[(size_t)index] = plugin_slots();
    ADD(ready, 1);
    while (!GET(go)) usleep(1000);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) threads[i] = start(body, (void *)i);  // before dlopen: dynamic TLS for all
    void *plugin = dlopen(PLUGIN_PATH, RTLD_NOW);
    CHECK(plugin, "%s", dlerror());
    SET(plugin_slots, (char **(*)(void))dlsym(plugin, "plugin_slots"));
    WAIT_UNTIL(GET(ready) == THREADS);
    tables[THREADS] = plugin_slots();
    hazard(600, 60, put, drop);
    SET(go, 1);
    for (size_t i = 0; i < THREADS; i++) join(threads[i]);
}
#endif
