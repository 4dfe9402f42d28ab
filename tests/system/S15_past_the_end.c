// Only the pointer one past the end is left, for every size from 1 to 4100 and beyond; aligned blocks too.
#include "check.h"

enum { ROUND = 1000, SIZE_CLASSES = 32 };  // each class may keep its last block
static char *volatile ends[ROUND];
static hidden blocks[ROUND];

NOINLINE static void fill(size_t i, size_t size, size_t alignment)
{
    char *p = (char *)(alignment ? aligned_alloc(alignment, size) : malloc(size));
    blocks[i] = hide(branded(p, size));
    ends[i] = p + size;
}

static void check_sizes(size_t first, size_t step, size_t count, size_t alignment)
{
    for (size_t i = 0; i < count; i++) fill(i, first + i * step, alignment);
    drop_and_collect();
    for (size_t i = 0; i < count; i++) CHECK(is_allocated(blocks[i]) && is_whole(blocks[i], first + i * step), "size %zu, alignment %zu", first + i * step, alignment);
    for (size_t i = 0; i < count; i++) ends[i] = NULL;
    drop_and_collect();
    size_t left = 0;
    for (size_t i = 0; i < count && gcpre_available(); i++) left += is_allocated(blocks[i]);
    CHECK(left <= count / 20 + SIZE_CLASSES, "%zu of %zu lost blocks are still allocated", left, count);
}

int main(void)
{
    for (size_t first = 1; first <= 4000; first += ROUND) check_sizes(first, 1, ROUND, 0);
    check_sizes(4096, 997, 200, 0);
    for (size_t alignment = 32; alignment <= 65536; alignment *= 4) check_sizes(alignment, alignment, 64, alignment);
}
