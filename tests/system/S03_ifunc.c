// A library's IFUNC resolver allocates: it runs while the loader is still relocating the preloaded libraries.
// plugin: needed
#include "check.h"

#ifdef PLUGIN
static int forty_two(void) { return 42; }
static int (*resolve(void))(void)
{
    void *p = malloc(100);
    free(p);
    return p ? forty_two : NULL;
}
int answer(void) __attribute__((ifunc("resolve")));
#else
int answer(void);
int main(void)
{
    CHECK(answer() == 42);
    drop_and_collect();
}
#endif
