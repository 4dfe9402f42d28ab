/* pool: threads take a buffer with an index, use both a little and give them up again, several at a time now and then. What makes them
 * and keeps them: malloc and free, a list under a mutex, or a pool of gcpre.h (which is malloc and free without the library). */
#include "../../preload/gcpre.h"
#include "bench.h"

enum { KINDS_END = 3, HELD_MAX = 16 };

struct thing {
    struct thing *next;     /* in the list */
    uint64_t *index;
    unsigned char *buffer;
};

static long steps, size;

static void *thing_new(void *argument)
{
    (void)argument;
    struct thing *thing = get(sizeof *thing);
    *thing = (struct thing){ .index = calloc(16, sizeof *thing->index), .buffer = get(size) };
    return thing;
}

static void thing_free(void *p)
{
    struct thing *thing = p;
    free(thing->index);
    free(thing->buffer);
    free(thing);
}

/* ---- a list under a mutex ---- */

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static struct thing *list;

static struct thing *list_get(void)
{
    pthread_mutex_lock(&guard);
    struct thing *thing = list;
    if (thing)
        list = thing->next;
    pthread_mutex_unlock(&guard);
    return thing ? thing : thing_new(NULL);
}

static void list_put(struct thing *thing)
{
    pthread_mutex_lock(&guard);
    thing->next = list;
    list = thing;
    pthread_mutex_unlock(&guard);
}

/* ---- a pool ---- */

static struct gcpre_pool *pool;

static struct thing *pool_get(void) { return gcpre_pool_get(pool); }
static void pool_put(struct thing *thing) { gcpre_pool_put(pool, thing); }
static struct thing *plain_get(void) { return thing_new(NULL); }
static void plain_put(struct thing *thing) { thing_free(thing); }

static const struct {
    struct thing *(*get)(void);
    void (*put)(struct thing *thing);
} kinds[KINDS_END] = { { plain_get, plain_put }, { list_get, list_put }, { pool_get, pool_put } };
static int kind;

static void *use(void *argument)
{
    struct worker *w = argument;
    struct thing *held[HELD_MAX];
    for (long step = 0; step < steps;) {
        long count = rng_next(&w->rng) % 8 ? 1 : 1 + (long)rng_below(&w->rng, HELD_MAX);
        for (long i = 0; i < count; i++) {
            held[i] = kinds[kind].get();
            held[i]->index[i] = (uint64_t)(step + i);
            held[i]->buffer[0] = held[i]->buffer[size - 1] = (unsigned char)i;
        }
        for (long i = 0; i < count; i++) {
            w->sum += held[i]->index[i] + held[i]->buffer[0] + held[i]->buffer[size - 1];
            kinds[kind].put(held[i]);
        }
        step += count;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static const char *const words[] = { "malloc", "mutex", "pool", NULL };
    options_begin(argc, argv);
    kind = option_choice("kind", words, "malloc, mutex or pool");
    long threads = option("threads", 1, "threads");
    size = option("size", 4000, "bytes of a buffer");
    steps = scaled(option("steps", 12000000, "takes of all threads together")) / (threads ? threads : 1);
    options_end();

    pool = gcpre_pool_new(thing_new, thing_free, NULL);
    result_checksum(run_workers(threads, use));
}
