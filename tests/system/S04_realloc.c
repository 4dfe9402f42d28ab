// realloc in every direction: contents, alignment, NULL and 0; a moved block's pointers stay visible to a running cycle.
// cflags: -fno-builtin
#include "check.h"
#include <malloc.h>

static unsigned seed = 1;
static size_t random_size(void)
{
    unsigned r = seed = seed * 1664525 + 1013904223;
    return 1 + (r >> 8) % ((size_t)1 << (4 + (r >> 3) % 16));
}

static void check_contents(void)
{
    size_t size = 1;
    unsigned char *p = (unsigned char *)malloc(size);
    p[0] = 0;
    for (int round = 0; round < 2000; round++) {
        size_t next = random_size(), common = next < size ? next : size;
        p = (unsigned char *)(round % 3 ? realloc(p, next) : reallocarray(p, next, 1));
        CHECK(p && (uintptr_t)p % 16 == 0 && malloc_usable_size(p) >= next);
        for (size_t i = 0; i < common; i += 1 + i / 64) CHECK(p[i] == (unsigned char)(i * 13), "byte %zu, %zu to %zu", i, size, next);
        for (size_t i = 0; i < next; i++) p[i] = (unsigned char)(i * 13);
        size = next;
    }
    free(p);
}

static void check_growing_table(void)
{
    char **table = NULL;
    for (size_t count = 0; count < 20000; count++) {
        if ((count & (count + 1)) == 0 || count % 1000 == 0) table = (char **)reallocarray(table, count * 2 + 2, sizeof *table);
        table[count] = branded((char *)malloc(24), 24);
    }
    for (size_t i = 0; i < 20000; i++) CHECK(is_whole(hide(table[i]), 24), "entry %zu", i);
    for (size_t i = 0; i < 20000; i++) free(table[i]);
    free(table);
}

int main(void)
{
    collector_start();
    check_contents();
    check_growing_table();
    collector_stop();
    for (int i = 0; i < 1000; i++) CHECK(realloc(malloc(random_size()), 0) == NULL);
    char *aligned = branded((char *)memalign(4096, 5000), 5000);
    char mark = aligned[0];
    aligned = (char *)realloc(aligned, 50000);
    CHECK(aligned[0] == mark && aligned[4999] == mark);
    free(aligned);
}
