/* aligned: aligned_alloc and posix_memalign for vectors (16-64 bytes), pairs of cache lines (128)
 * and pages, replaced at random. 256 to 1024 are left out: Debian 12's mimalloc 2.0.9 misaligns
 * such blocks, and a pattern that a peer cannot run compares nothing. */
#include "bench.h"

static const size_t alignments[] = { 16, 32, 64, 128, PAGE_BYTES };
enum { ALIGNMENTS = sizeof alignments / sizeof *alignments };

static void *aligned(size_t alignment, size_t bytes, bool posix)
{
    void *p = NULL;
    if (!posix)
        p = aligned_alloc(alignment, bytes);
    else if (posix_memalign(&p, alignment, bytes) != 0)
        p = NULL;
    if (!p || (uintptr_t)p % alignment)
        fail("alignment %zu, %zu bytes: got %p", alignment, bytes, p);
    return p;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    long live = option("live", 20000, "blocks alive at any time");
    long steps = scaled(option("steps", 2000000, "replacements"));
    options_end();

    struct rng rng = { 9 };
    uint64_t sum = 0;
    struct block **slot = calloc(live, sizeof *slot);
    for (long i = 0; i < steps; i++) {
        struct block **victim = &slot[rng_below(&rng, live)];
        sum += list_free(*victim);
        size_t alignment = alignments[rng_below(&rng, ALIGNMENTS)];
        size_t bytes = (rng_skewed(&rng, 32, 4096) + alignment - 1) & -alignment;
        *victim = block_stamp(aligned(alignment, bytes, i & 1), bytes, rng_next(&rng));
    }
    for (long i = 0; i < live; i++)
        sum += list_free(slot[i]);
    free(slot);
    result_checksum(sum);
}
