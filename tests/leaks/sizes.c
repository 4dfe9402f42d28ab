// Every way to allocate, and unusual sizes: nothing at all, several megabytes, aligned, page by page.

#include "leaks.h"
#include <malloc.h>
#include <stdint.h>

static void *kept[8];

// The report counts what was asked for, although the heap gives a slot of some size.
// case: no_bytes_at_all  direct 5 0 nothing
// lsan: leak  it counts a byte for a block of none
static OPAQUE void nothing(int slot)
{
    kept[slot] = malloc(0); // alloc: nothing
    used(kept);
}

static OPAQUE void no_bytes_at_all(bool leak)
{
    for (int i = 0; i < 5; i++) {
        nothing(i);
        if (leak)
            kept[i] = NULL;
    }
}

// case: one_byte  direct 1 1 single
static OPAQUE void single(bool leak)
{
    kept[0] = malloc(1); // alloc: single
    *(char *)kept[0] = 1;
    used(kept);
    if (leak)
        kept[0] = NULL;
}

static OPAQUE char *large(size_t bytes)
{
    char *p = malloc(bytes); // alloc: large
    memset(p, 1, bytes);
    used(p);
    return p;
}

// case: several_megabytes  direct 3 22020096 large
static OPAQUE void several_megabytes(bool leak)
{
    for (size_t megabytes = 3; megabytes <= 12; megabytes *= 2) {
        char *p = large(megabytes << 20);
        printf("%d\n", p[1000]);
        if (!leak)
            free(p);
    }
}

// The only pointer to a small block is at the end of a large one.
// case: small_behind_large  direct 1 5000000 large  indirect 1 24 attach
static OPAQUE void attach(char *p, size_t bytes)
{
    void *small = calloc(3, 8); // alloc: attach
    memcpy(p + bytes - 8, &small, 8);
}

static OPAQUE void small_behind_large(bool leak)
{
    kept[0] = large(5000000);
    attach(kept[0], 5000000);
    used(kept);
    if (leak)
        kept[0] = NULL;
}

// Touched nowhere but at its beginning.
// case: calloc_of_much  direct 1 33554432 table
// valgrind: leak  its heap lies at small addresses, and some number looks like one
static OPAQUE void table(bool leak)
{
    long *rows = calloc(1 << 20, 32); // alloc: table
    rows[0] = 1;
    used(rows);
    if (!leak)
        free(rows);
}

// case: aligned  direct 1 192 align  direct 1 100 align.posix  direct 1 300 align.memalign  direct 1 10 align.valloc
static OPAQUE void align(void)
{
    kept[0] = aligned_alloc(64, 192);       // alloc: align
    if (posix_memalign(&kept[1], 256, 100)) // alloc: align.posix
        abort();
    kept[2] = memalign(4096, 300); // alloc: align.memalign
    kept[3] = valloc(10);          // alloc: align.valloc
    uintptr_t low_bits = (uintptr_t)kept[0] % 64 + (uintptr_t)kept[1] % 256 + (uintptr_t)kept[2] % 4096;
    printf("low bits %d\n", (int)low_bits);
}

static OPAQUE void aligned(bool leak)
{
    align();
    used(kept);
    if (leak)
        memset(kept, 0, sizeof kept);
}

// case: by_other_names  direct 1 120 others  direct 1 80 others.array
static OPAQUE void others(bool leak)
{
    void *one = calloc(10, 12);            // alloc: others
    void *two = reallocarray(NULL, 20, 4); // alloc: others.array
    memset(two, 2, 80);
    used(one);
    used(two);
    if (!leak) {
        free(one);
        free(two);
    }
}

// From 3 bytes to a megabyte and a half.
// case: doubled_sizes  direct 20 3145725 power
static OPAQUE void power(int exponent, bool leak)
{
    char *p = malloc((size_t)3 << exponent); // alloc: power
    *p = 1;
    used(p);
    if (!leak)
        free(p);
}

static OPAQUE void doubled_sizes(bool leak)
{
    for (int exponent = 0; exponent < 20; exponent++)
        power(exponent, leak);
}

static const struct leak_case cases[] = {
    {"no_bytes_at_all", no_bytes_at_all},
    {"one_byte", single},
    {"several_megabytes", several_megabytes},
    {"small_behind_large", small_behind_large},
    {"calloc_of_much", table},
    {"aligned", aligned},
    {"by_other_names", others},
    {"doubled_sizes", doubled_sizes},
    {NULL, NULL},
};

int main(int argc, char **argv) { return run_case(cases, argc, argv); }
