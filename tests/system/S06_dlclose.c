// A plugin's globals hold the only pointers: roots as long as it is loaded, no longer once dlclose has unmapped it.
// plugin: dlopen
#include "check.h"
#include <dlfcn.h>

#ifdef PLUGIN
char *plugin_slots[500];
#else
static void *plugin;
static char **table;
static void put(size_t i, char *p) { table[i] = p; }
static void drop(size_t i)
{
    if (i == 0) CHECK(dlclose(plugin) == 0 && dlopen(PLUGIN_PATH, RTLD_NOW | RTLD_NOLOAD) == NULL);
}

int main(void)
{
    for (int round = 0; round < 3; round++) {
        plugin = dlopen(PLUGIN_PATH, RTLD_NOW);
        CHECK(plugin, "%s", dlerror());
        table = (char **)dlsym(plugin, "plugin_slots");
        hazard(500, 100, put, drop);
    }
}
#endif
