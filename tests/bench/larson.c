/* larson: a server whose threads come and go. Each replaces blocks in its table for a while, then
 * starts a successor, leaves it the table and ends: most blocks are freed by a thread that did not
 * take them, and whose taker is gone. */
#include "bench.h"
#include <semaphore.h>

struct seat {
    struct rng rng;
    uint64_t sum;
    long generations;       /* still to come */
    struct block **slot;
};

static long slots, steps;
static sem_t ended;

static void *serve(void *argument);

static void hand_over(struct seat *seat)
{
    pthread_t successor;
    thread_start(&successor, serve, seat);
    pthread_detach(successor);
}

static void *serve(void *argument)
{
    struct seat *seat = argument;
    for (long i = 0; i < steps; i++) {
        struct block **victim = &seat->slot[rng_below(&seat->rng, slots)];
        seat->sum += block_free(*victim);
        *victim = block_new(rng_between(&seat->rng, 16, 512), rng_next(&seat->rng));
    }
    if (--seat->generations > 0)
        hand_over(seat);
    else
        sem_post(&ended);
    return NULL;
}

static struct seat seat_make(long id, long generations)
{
    struct seat seat = { .rng.state = id + 1, .generations = generations,
                         .slot = get(slots * sizeof *seat.slot) };
    for (long i = 0; i < slots; i++)
        seat.slot[i] = block_new(rng_between(&seat.rng, 16, 512), rng_next(&seat.rng));
    return seat;
}

static uint64_t seat_clear(struct seat *seat)
{
    for (long i = 0; i < slots; i++)
        seat->sum += block_free(seat->slot[i]);
    free(seat->slot);
    return seat->sum;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    long threads = option("threads", 2, "threads at a time");
    long generations = scaled(option("generations", 500, "threads that follow one another"));
    slots = option("slots", 5000, "live blocks a thread");
    steps = option("steps", 10000, "replacements in a thread's life");
    options_end();

    struct seat seat[threads];
    uint64_t sum = 0;
    sem_init(&ended, 0, 0);
    for (long i = 0; i < threads; i++)
        seat[i] = seat_make(i, generations);
    for (long i = 0; i < threads; i++)
        hand_over(&seat[i]);
    for (long i = 0; i < threads; i++)
        while (sem_wait(&ended) != 0)
            continue;
    for (long i = 0; i < threads; i++)
        sum += seat_clear(&seat[i]);
    result_checksum(sum);
}
