// A library that brings its own malloc and calls it directly: the program frees what the library allocated.
// plugin: needed
// plugin-cflags: -Wl,-Bsymbolic -fno-builtin
// expect-stderr: ^gcpre.*(passive|nothing will be reclaimed)
#include "check.h"

#ifdef PLUGIN
static char arena[1 << 20] __attribute__((aligned(16)));
static size_t used;
static unsigned frees;
unsigned library_frees(void) { return frees; }

void *malloc(size_t n) { return arena + __atomic_fetch_add(&used, (n + 31) & ~(size_t)15, __ATOMIC_RELAXED); }
void *calloc(size_t n, size_t m) { return malloc(n * m); }
void free(void *p)
{
    if (p && ((char *)p < arena || (char *)p >= arena + sizeof arena)) check_failed(__FILE__, __LINE__, "p in arena", "%p", p);
    ADD(frees, 1);
}
void *realloc(void *p, size_t n)
{
    void *q = malloc(n);
    return p ? memmove(q, p, n) : q;
}
char *library_text(void) { return strcpy((char *)malloc(20), "from the library"); }
#else
char *library_text(void);
unsigned library_frees(void);

int main(void)
{
    for (int i = 0; i < 1000; i++) {
        char *text = library_text();
        CHECK(strcmp(text, "from the library") == 0);
        free(text);
    }
    CHECK(library_frees() >= 1000);
    drop_and_collect();
    char *mine = (char *)malloc(100);
    CHECK(mine != NULL);
    free(mine);
}
#endif
