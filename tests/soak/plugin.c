// Loaded and unloaded by the soak: its globals and thread-local variables hold the only pointers to blocks.
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 20, BYTES = 120 };

static char *blocks[BLOCKS];
static __thread char *own;

static char *filled(int value) { return memset(malloc(BYTES), value, BYTES); }

__attribute__((constructor)) static void fill(void)
{
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = filled(i);
}

static int is_filled(const char *p, int value)
{
    for (int i = 0; i < BYTES; i++)
        if (p[i] != (char)value)
            return 0;
    return 1;
}

// Whether all is as it was left; half of it is lost with the plugin.
int plugin_check(void);
int plugin_check(void)
{
    int good = !own || is_filled(own, 99);
    free(own);
    own = filled(99);
    for (int i = 0; i < BLOCKS; i++)
        good &= is_filled(blocks[i], i);
    return good;
}
