// A plugin opened with RTLD_DEEPBIND calls the C library's malloc: its blocks reach our free, realloc and measure.
// plugin: dlopen
#include "check.h"
#include <dlfcn.h>
#include <malloc.h>

#ifdef PLUGIN
char *plugin_alloc(size_t size) { return (char *)malloc(size); }
char *plugin_aligned(size_t size) { return (char *)memalign(64, size); }
#else
int main(void)
{
    void *plugin = dlopen(PLUGIN_PATH, RTLD_NOW | RTLD_DEEPBIND);
    CHECK(plugin, "%s", dlerror());
    char *(*alloc[])(size_t) = {(char *(*)(size_t))dlsym(plugin, "plugin_alloc"), (char *(*)(size_t))dlsym(plugin, "plugin_aligned")};
    for (size_t size = 1; size < 400000; size = size * 3 / 2 + 1) {
        char *p = alloc[size % 2](size);
        CHECK(malloc_usable_size(p) >= size);
        memset(p, 'a', size);
        p = (char *)realloc(p, size * 2);
        CHECK(p && p[0] == 'a' && p[size - 1] == 'a');
        memset(p, 'b', size * 2);
        free(p);
        free(alloc[size % 2](size));
    }
    herd_lose(&lost, 1000, 60);
    drop_and_collect();
    herd_check_gone(&lost);
}
#endif
