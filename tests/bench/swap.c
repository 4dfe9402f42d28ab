/* swap: random replacement of big blocks whose pages are all written. The sizes make two patterns:
 * `medium` (8-256 KiB) and `large` (5-25 MB). A slot is empty until it is first drawn. */
#include "bench.h"

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    long low = option("low", 8 << 10, "smallest block, bytes");
    long high = option("high", 256 << 10, "largest block, bytes");
    long live = option("live", 1000, "blocks alive at any time");
    long steps = scaled(option("steps", 800000, "replacements"));
    options_end();

    struct rng rng = { 3 };
    uint64_t sum = 0;
    struct block **slot = calloc(live, sizeof *slot);
    for (long i = 0; i < steps; i++) {
        struct block **victim = &slot[rng_below(&rng, live)];
        if (*victim)
            sum += block_free(*victim);
        *victim = block_new(rng_skewed(&rng, low, high), rng_next(&rng));
        block_touch(*victim);
    }
    for (long i = 0; i < live; i++)
        sum += list_free(slot[i]);
    free(slot);
    result_checksum(sum);
}
