// dlopen finds a library by its plain name in the search path of whoever calls it, with and without RTLD_DEEPBIND: nothing of ours
// stands between.
// plugin: dlopen
// cflags: -Wl,--enable-new-dtags,-rpath,'$ORIGIN'
#include "check.h"
#include <dlfcn.h>

#ifdef PLUGIN
int answer(void) { return 42; }
#else
int main(void)
{
    const char *name = strrchr(PLUGIN_PATH, '/') + 1;
    for (int flags = 0; flags <= RTLD_DEEPBIND; flags += RTLD_DEEPBIND) {
        void *plugin = dlopen(name, RTLD_NOW | flags);
        CHECK(plugin, "%s", dlerror());
        int (*answer)(void) = (int (*)(void))dlsym(plugin, "answer");
        CHECK(answer && answer() == 42);
        CHECK(dlclose(plugin) == 0);
    }
    CHECK(!dlopen("no-such-library.so", RTLD_NOW) && dlerror());
}
#endif
