/* fragment: fills the heap with blocks of one size, frees every other one, fills again with the
 * next size, and so on; then frees all and starts over. Peak memory tells how holes are reused. */
#include "bench.h"

static const size_t sizes[] = { 48, 80, 112, 176, 240, 368, 496, 752, 1008, 2032 };
enum { SIZES = sizeof sizes / sizeof *sizes };

static struct block *grow(size_t bytes, size_t budget, struct rng *rng)
{
    struct block *list = NULL;
    for (size_t used = 0; used < budget; used += bytes) {
        struct block *b = block_new(bytes, rng_next(rng));
        b->next = list;
        list = b;
    }
    return list;
}

static uint64_t thin_out(struct block *list)
{
    uint64_t sum = 0;
    for (struct block *kept = list; kept && kept->next; kept = kept->next) {
        struct block *dropped = kept->next;
        kept->next = dropped->next;
        sum += block_free(dropped);
    }
    return sum;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    long budget = scaled(option("mib", 32, "MiB a size")) << 20;
    long rounds = option("rounds", 5, "times from an empty heap");
    options_end();

    struct rng rng = { 6 };
    uint64_t sum = 0;
    while (rounds-- > 0) {
        struct block *kept[SIZES];
        for (int i = 0; i < SIZES; i++) {
            kept[i] = grow(sizes[i], budget, &rng);
            sum += thin_out(kept[i]);
        }
        for (int i = 0; i < SIZES; i++)
            sum += list_free(kept[i]);
    }
    result_checksum(sum);
}
