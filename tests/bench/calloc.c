/* calloc: zeroed blocks of 16 bytes to 16 KiB, replaced at random. Each is checked for zeros and
 * then filled with ones, so zeroing cannot be skipped on reuse. */
#include "bench.h"

static void check_zero(const uint64_t *word, size_t words)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < words; i++)
        seen |= word[i];
    if (seen)
        fail("calloc gave memory that is not zero");
}

static void *zeroed(struct rng *rng, uint64_t *sum)
{
    size_t words = rng_skewed(rng, 2, 2048);
    uint64_t *p = calloc(words, sizeof *p);
    if (!p)
        fail("calloc: %s", strerror(errno));
    check_zero(p, words);
    memset(p, 0xff, words * sizeof *p);
    *sum = 31 * *sum + words;
    return p;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    long live = option("live", 10000, "blocks alive at any time");
    long steps = scaled(option("steps", 1500000, "replacements"));
    options_end();

    struct rng rng = { 5 };
    uint64_t sum = 0;
    void **slot = calloc(live, sizeof *slot);
    for (long i = 0; i < steps; i++) {
        void **victim = &slot[rng_below(&rng, live)];
        free(*victim);
        *victim = zeroed(&rng, &sum);
    }
    for (long i = 0; i < live; i++)
        free(slot[i]);
    free(slot);
    result_checksum(sum);
}
