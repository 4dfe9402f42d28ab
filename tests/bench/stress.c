/* stress: threads that build short lists of blocks of all sizes, keep some, free some, and swap
 * some through a table that all share. What a thread frees may have come from any other. */
#include "bench.h"

enum { SHARED = 1024, LOCAL = 2000, LIST_MAX = 8, SHARE_ONE_IN = 4, BIG_ONE_IN = 200 };

static long steps;
static _Atomic(struct block *) shared[SHARED];

static struct block *list_make(struct rng *rng)
{
    struct block *list = NULL;
    for (uint64_t left = rng_between(rng, 1, LIST_MAX); left > 0; left--) {
        bool big = rng_below(rng, BIG_ONE_IN) == 0;
        struct block *b = block_new(rng_skewed(rng, 16, big ? 64 << 10 : 512), rng_next(rng));
        b->next = list;
        list = b;
    }
    return list;
}

static void *work(void *argument)
{
    struct worker *w = argument;
    struct block **local = calloc(LOCAL, sizeof *local);
    for (long i = 0; i < steps; i++) {
        struct block *list = list_make(&w->rng);
        if (rng_below(&w->rng, SHARE_ONE_IN) == 0) {
            w->sum += list_free(atomic_exchange(&shared[rng_below(&w->rng, SHARED)], list));
        } else {
            struct block **slot = &local[rng_below(&w->rng, LOCAL)];
            w->sum += list_free(*slot);
            *slot = list;
        }
    }
    for (long i = 0; i < LOCAL; i++)
        w->sum += list_free(local[i]);
    free(local);
    return NULL;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    long threads = option("threads", 2, "threads");
    steps = scaled(option("steps", 2000000, "lists built by each thread"));
    options_end();

    uint64_t sum = run_workers(threads, work);
    for (int i = 0; i < SHARED; i++)
        sum += list_free(shared[i]);
    result_checksum(sum);
}
