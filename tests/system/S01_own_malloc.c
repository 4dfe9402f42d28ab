// A program that exports its own malloc: the library must go passive and leave it alone.
// cflags: -rdynamic -fno-builtin
// expect-stderr: ^gcpre.*(passive|nothing will be reclaimed)
#include "check.h"

static char arena[8 << 20] __attribute__((aligned(16)));
static size_t used;
static unsigned calls;

static size_t *header(void *p) { return (size_t *)p - 2; }
static bool is_mine(void *p) { return (char *)p >= arena && (char *)p < arena + sizeof arena; }

void *malloc(size_t n)
{
    size_t need = 16 + ((n + 15) & ~(size_t)15), at = __atomic_fetch_add(&used, need, __ATOMIC_RELAXED);
    if (at + need > sizeof arena) return NULL;
    ADD(calls, 1);
    char *p = arena + at + 16;
    *header(p) = n;
    return p;
}

void free(void *p)
{
    if (p && !is_mine(p)) check_failed(__FILE__, __LINE__, "is_mine(p)", "free of %p", p);
}

void *calloc(size_t n, size_t m)
{
    void *p = malloc(n * m);
    return p ? memset(p, 0, n * m) : p;
}

void *realloc(void *p, size_t n)
{
    void *q = malloc(n);
    if (p && q) memcpy(q, p, *header(p) < n ? *header(p) : n);
    return q;
}

int main(void)
{
    unsigned before = calls;
    char *text = NULL;
    CHECK(asprintf(&text, "%d apples", 7) == 8 && is_mine(text));
    char *copy = strdup(text);
    CHECK(is_mine(copy) && calls > before);
    free(text);
    drop_and_collect();
    CHECK(strcmp(copy, "7 apples") == 0);
    void *aligned = NULL;  // not one of ours: the C library's or the preloaded one's
    CHECK(posix_memalign(&aligned, 256, 1000) == 0 && (uintptr_t)aligned % 256 == 0);
    memset(aligned, 1, 1000);
    free(copy);
    printf("unharmed\n");
}
