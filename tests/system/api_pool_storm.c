// Threads that come and go, and their children, swap items through pools while cycles run: nobody's item is anybody else's, changes, or is reclaimed.
#include "check.h"

enum { THREADS = 4, ROUNDS = 4, TURNS = 6000, HELD = 40, SIZE = 700 };

static struct gcpre_pool *pools[3];

struct item {
    int holders;
    char *text;
};

static void *make(void *arg)
{
    (void)arg;
    struct item *item = (struct item *)calloc(1, sizeof *item);
    item->text = branded((char *)malloc(SIZE), SIZE);
    return item;
}

static void destroy(void *p)
{
    free(((struct item *)p)->text);
    free(p);
}

static struct item *take(size_t which)
{
    struct item *item = (struct item *)gcpre_pool_get(pools[which]);
    CHECK(ADD(item->holders, 1) == 1);
    CHECK(is_whole(hide(item->text), SIZE));
    return item;
}

static void give(size_t which, struct item *item)
{
    CHECK(ADD(item->holders, -1) == 0);
    gcpre_pool_put(pools[which], item);
}

static void swap(unsigned seed, int turns)
{
    struct item *held[HELD] = {0};
    for (int i = 0; i < turns; i++) {
        size_t at = (size_t)rand_r(&seed) % HELD, which = at % COUNT(pools);
        if (held[at]) give(which, held[at]);
        held[at] = held[at] ? NULL : take(which);
        if (i % 1000 == 500) collect();
    }
    for (size_t at = 0; at < HELD; at++)
        if (held[at]) give(at % COUNT(pools), held[at]);
}

static void *thread(void *arg)
{
    swap((unsigned)(uintptr_t)arg, TURNS);
    return NULL;
}

static void fork_one(void)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        swap(7, TURNS / 4);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0, "status %x", status);
}

int main(void)
{
    for (size_t i = 0; i < COUNT(pools); i++) CHECK((pools[i] = gcpre_pool_new(make, destroy, NULL)) != NULL);
    for (uintptr_t round = 0; round < ROUNDS; round++) {
        pthread_t threads[THREADS];
        for (uintptr_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, thread, (void *)(round * THREADS + i + 1)) == 0);
        fork_one();
        fork_one();
        swap(99 + (unsigned)round, TURNS);
        for (size_t i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    }
}
