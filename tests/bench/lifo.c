/* lifo: short-lived small blocks, last in first out, as nested calls use them. */
#include "bench.h"

enum { DEPTH = 12, BLOCKS = 4 };

static uint64_t call(int depth, struct rng *rng)
{
    struct block *local[BLOCKS];
    uint64_t sum = 0;
    int count = 1 + (int)rng_below(rng, BLOCKS);
    for (int i = 0; i < count; i++)
        local[i] = block_new(rng_between(rng, 16, 128), rng_next(rng));
    if (depth > 0)
        sum += call(depth - 1, rng) + call(depth - 1, rng);
    while (count > 0)
        sum += block_free(local[--count]);
    return sum;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    long rounds = scaled(option("rounds", 1200, "call trees of 8191 calls"));
    options_end();

    struct rng rng = { 2 };
    uint64_t sum = 0;
    while (rounds-- > 0)
        sum += call(DEPTH, &rng);
    result_checksum(sum);
}
