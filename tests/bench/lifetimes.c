/* lifetimes: random sizes, random lifetimes. Each tick takes one block, hangs it on the wheel at
 * the tick it dies, and frees what dies now. Most blocks die young, some live for a full turn. */
#include "bench.h"

static long ticks;

enum { WHEEL = 1 << 16, COMMON_MAX = 1024, RARE_MAX = 32 << 10, RARE_ONE_IN = 100 };

static void *live(void *argument)
{
    struct worker *w = argument;
    struct block **wheel = calloc(WHEEL, sizeof *wheel);
    for (long tick = 0; tick < ticks; tick++) {
        struct block **now = &wheel[tick % WHEEL];
        w->sum += list_free(*now);
        *now = NULL;
        bool rare = rng_below(&w->rng, RARE_ONE_IN) == 0;
        size_t bytes = rng_skewed(&w->rng, 16, rare ? RARE_MAX : COMMON_MAX);
        struct block *b = block_new(bytes, rng_next(&w->rng));
        struct block **death = &wheel[(tick + rng_skewed(&w->rng, 1, WHEEL - 1)) % WHEEL];
        b->next = *death;
        *death = b;
    }
    for (long i = 0; i < WHEEL; i++)
        w->sum += list_free(wheel[i]);
    free(wheel);
    return NULL;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    long threads = option("threads", 1, "threads, each with its own blocks");
    ticks = scaled(option("ticks", 15000000, "blocks taken by each thread"));
    options_end();
    result_checksum(run_workers(threads, live));
}
