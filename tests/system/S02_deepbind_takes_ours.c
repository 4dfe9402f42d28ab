// A plugin opened with RTLD_DEEPBIND frees and resizes blocks that the program allocated: that must work as without us.
// plugin: dlopen
#include "check.h"
#include <dlfcn.h>

#ifdef PLUGIN
void plugin_free(void *p) { free(p); }
void *plugin_resize(void *p, size_t size) { return realloc(p, size); }
#else
int main(void)
{
    void *plugin = dlopen(PLUGIN_PATH, RTLD_NOW | RTLD_DEEPBIND);
    CHECK(plugin, "%s", dlerror());
    void (*plugin_free)(void *) = (void (*)(void *))dlsym(plugin, "plugin_free");
    void *(*plugin_resize)(void *, size_t) = (void *(*)(void *, size_t))dlsym(plugin, "plugin_resize");
    for (size_t size = 1; size < 400000; size = size * 2 + 1) {
        plugin_free(malloc(size));
        char *p = (char *)plugin_resize(memset(malloc(size), 7, size), size * 2);
        CHECK(p[0] == 7 && p[size - 1] == 7);
        free(p);
    }
    drop_and_collect();
}
#endif
