/* batch: takes a batch of small blocks, then frees it in the same, the reverse or a random order. */
#include "bench.h"

static const char *const orders[] = { "forward", "reverse", "random", NULL };
enum { FORWARD, REVERSE, RANDOM };

static long batch, rounds;
static int order;

/* The positions of a batch in the order in which they are freed. */
static uint32_t *plan_make(struct rng *rng)
{
    uint32_t *plan = get(batch * sizeof *plan);
    for (long i = 0; i < batch; i++) {
        plan[i] = order == REVERSE ? batch - 1 - i : i;
        if (order == RANDOM) {
            long j = rng_below(rng, i + 1);
            plan[i] = plan[j];
            plan[j] = i;
        }
    }
    return plan;
}

static void *work(void *argument)
{
    struct worker *w = argument;
    uint32_t *plan = plan_make(&w->rng);
    struct block **taken = get(batch * sizeof *taken);
    for (long round = 0; round < rounds; round++) {
        for (long i = 0; i < batch; i++)
            taken[i] = block_new(rng_between(&w->rng, 16, 256), rng_next(&w->rng));
        for (long i = 0; i < batch; i++)
            w->sum += block_free(taken[plan[i]]);
    }
    free(taken);
    free(plan);
    return NULL;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    order = option_choice("order", orders, "order of freeing: forward, reverse, random");
    long threads = option("threads", 1, "threads, each with its own batches");
    batch = option("batch", 10000, "blocks a batch");
    rounds = scaled(option("rounds", 1000, "batches a thread"));
    options_end();
    result_checksum(run_workers(threads, work));
}
