/* replace: a table of live blocks of one size; each step frees a random one and takes another. */
#include "bench.h"

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    long size = option("size", 64, "bytes a block");
    long live = option("live", 100000, "blocks alive at any time");
    long steps = scaled(option("steps", 10000000, "replacements"));
    options_end();

    struct rng rng = { 1 };
    uint64_t sum = 0;
    struct block **slot = get(live * sizeof *slot);
    for (long i = 0; i < live; i++)
        slot[i] = block_new(size, rng_next(&rng));
    for (long i = 0; i < steps; i++) {
        struct block **victim = &slot[rng_below(&rng, live)];
        sum += block_free(*victim);
        *victim = block_new(size, rng_next(&rng));
    }
    for (long i = 0; i < live; i++)
        sum += block_free(slot[i]);
    free(slot);
    result_checksum(sum);
}
