// A child is forked while another thread loads and unloads libraries, and allocates at once, in code that no stack was taken of before:
// no lock that the other thread held is waited for. While leaks are hunted, which takes stacks.
// env: GCPRE_LEAKS=exit GCPRE_REPORT=/dev/null
// plugin: dlopen
// libs: -ldl
// timeout: 120
#ifdef PLUGIN
int plugin_value(void);
int plugin_value(void) { return 42; }
#else
#include "check.h"

#include <dlfcn.h>

enum { CHILDREN = 300 };

static _Atomic bool done;

static void *load(void *unused)
{
    while (!done) {
        void *library = dlopen(PLUGIN_PATH, RTLD_NOW);
        CHECK(library, "%s", dlerror());
        dlclose(library);
    }
    return unused;
}

static __attribute__((noinline)) void allocate_in_new_code(int depth)
{
    char *volatile p = (char *)malloc((size_t)(depth + 1) * 40);
    if (depth) allocate_in_new_code(depth - 1);
    free(p);
}

int main(void)
{
    pthread_t loader;
    CHECK(pthread_create(&loader, NULL, load, NULL) == 0);
    for (int i = 0; i < CHILDREN; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            allocate_in_new_code(5);
            _exit(0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0, "status %d", status);
    }
    done = true;
    pthread_join(loader, NULL);
    return 0;
}
#endif
