// Threads share a cache of weak references: what one gets is whole and stays so, whatever is dropped, freed, collected or forked meanwhile.
#include "check.h"

enum { THREADS = 3, PLACES = 100, TURNS = 12000 };

struct entry {
    pthread_mutex_t guard;
    struct gcpre_weak *ref;
};

static struct entry cache[PLACES];

static size_t size_of(size_t place) { return place % 10 == 9 ? 50000 : 16 + place * 20; }

NOINLINE static char *look_up(size_t place)
{
    struct entry *e = &cache[place];
    pthread_mutex_lock(&e->guard);
    char *p = e->ref ? (char *)gcpre_weak_get(e->ref) : NULL;
    if (!p) {
        gcpre_weak_free(e->ref);
        p = branded((char *)malloc(size_of(place)), size_of(place));
        e->ref = gcpre_weak_new(p);
    }
    pthread_mutex_unlock(&e->guard);
    return p;
}

static void swap(unsigned seed, int turns)
{
    char *volatile held[16] = {0};
    for (int i = 0; i < turns; i++) {
        size_t place = (size_t)rand_r(&seed) % PLACES, at = (size_t)rand_r(&seed) % COUNT(held);
        held[at] = look_up(place);
        CHECK(is_whole(hide(held[at]), size_of(place)));
        if (rand_r(&seed) % 4 == 0) held[(at + 1) % COUNT(held)] = NULL;
        free(malloc(size_of(place)));
        if (i % 2000 == 1000) collect();
    }
}

static void *thread(void *arg)
{
    swap((unsigned)(uintptr_t)arg, TURNS);
    return NULL;
}

int main(void)
{
    for (size_t i = 0; i < PLACES; i++) pthread_mutex_init(&cache[i].guard, NULL);
    swap(1, TURNS / 4);
    pid_t child = fork();
    CHECK(child >= 0);
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, thread, (void *)(i + 2)) == 0);
    swap(9, TURNS);
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    if (child == 0) _exit(0);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0, "status %x", status);
}
