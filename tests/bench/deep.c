/* deep: pairs of malloc and free below so many calls, for what it costs to remember where blocks come from. */
#include "bench.h"

static __attribute__((noinline)) struct block *below(int calls, struct rng *rng)
{
    struct block *found = calls > 0 ? below(calls - 1, rng) : block_new(rng_between(rng, 16, 512), rng_next(rng));
    __asm__ volatile("" : "+r"(found)); /* no tail call */
    return found;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    long pairs = scaled(option("pairs", 2000000, "blocks, one after the other"));
    long depth = option("depth", 7, "calls between main and malloc");
    options_end();

    struct rng rng = { 3 };
    uint64_t sum = 0;
    while (pairs-- > 0)
        sum += block_free(below((int)depth - 2, &rng));
    result_checksum(sum);
}
