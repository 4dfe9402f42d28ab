/* storm: threads that live for some microseconds. Each takes a hundred blocks, frees most of them
 * and returns the rest to the thread that joins it. */
#include "bench.h"

enum { BLOCKS = 100, KEEP_ONE_IN = 8 };

static void *flash(void *argument)
{
    struct worker *w = argument;
    struct block *mine = NULL, *returned = NULL;
    for (int i = 0; i < BLOCKS; i++) {
        struct block *b = block_new(rng_skewed(&w->rng, 16, 512), rng_next(&w->rng));
        struct block **list = i % KEEP_ONE_IN ? &mine : &returned;
        b->next = *list;
        *list = b;
    }
    w->sum = list_free(mine);
    return returned;
}

static uint64_t wave(struct worker *worker, long width)
{
    uint64_t sum = 0;
    for (long i = 0; i < width; i++)
        thread_start(&worker[i].thread, flash, &worker[i]);
    for (long i = 0; i < width; i++) {
        void *returned;
        pthread_join(worker[i].thread, &returned);
        sum += worker[i].sum + list_free(returned);
    }
    return sum;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    long width = option("width", 8, "threads at a time");
    long waves = scaled(option("waves", 2500, "times that many are started and joined"));
    options_end();

    struct worker worker[width];
    uint64_t sum = 0;
    for (long i = 0; i < width; i++)
        worker[i] = (struct worker){ .id = i, .rng.state = i };
    while (waves-- > 0)
        sum += wave(worker, width);
    result_checksum(sum);
}
