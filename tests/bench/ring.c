/* ring: producers take blocks, consumers free them. Lists of blocks travel through one bounded
 * ring a pair of threads, so each block is freed by another thread than the one that took it. */
#include "bench.h"
#include <sched.h>

enum { RING = 256, LIST = 64 };

struct ring {
    _Alignas(CACHE_LINE) atomic_ulong put;      /* only grows, written by the producer */
    _Alignas(CACHE_LINE) atomic_ulong taken;    /* only grows, written by the consumer */
    struct block *list[RING];
};

static long lists;
static struct ring *rings;

static struct block *list_make(struct rng *rng)
{
    struct block *list = NULL;
    for (int i = 0; i < LIST; i++) {
        struct block *b = block_new(rng_skewed(rng, 16, 1024), rng_next(rng));
        b->next = list;
        list = b;
    }
    return list;
}

static void produce(struct ring *ring, struct rng *rng)
{
    for (unsigned long n = 0; n < (unsigned long)lists; n++) {
        struct block *list = list_make(rng);
        while (n - atomic_load_explicit(&ring->taken, memory_order_acquire) == RING)
            sched_yield();
        ring->list[n % RING] = list;
        atomic_store_explicit(&ring->put, n + 1, memory_order_release);
    }
}

static uint64_t consume(struct ring *ring)
{
    uint64_t sum = 0;
    for (unsigned long n = 0; n < (unsigned long)lists; n++) {
        while (atomic_load_explicit(&ring->put, memory_order_acquire) == n)
            sched_yield();
        struct block *list = ring->list[n % RING];
        atomic_store_explicit(&ring->taken, n + 1, memory_order_release);
        sum += list_free(list);
    }
    return sum;
}

static void *work(void *argument)
{
    struct worker *w = argument;
    struct ring *ring = &rings[w->id / 2];
    if (w->id % 2 == 0)
        produce(ring, &w->rng);
    else
        w->sum = consume(ring);
    return NULL;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    long pairs = option("pairs", 1, "pairs of a producer and a consumer");
    lists = scaled(option("lists", 50000, "lists of 64 blocks sent by each producer"));
    options_end();

    rings = aligned_alloc(CACHE_LINE, pairs * sizeof *rings);
    memset(rings, 0, pairs * sizeof *rings);
    result_checksum(run_workers(2 * pairs, work));
    free(rings);
}
