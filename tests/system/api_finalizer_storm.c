// Threads build and drop blocks with finalizers, move what they lead to from one to the other, and get some of them back, beside cycles. What a
// finalizer gets is whole, each time.
#include "check.h"

#ifndef FINALIZERS
#define FINALIZERS gcpre_available()
#endif

enum { THREADS = 3, PLACES = 60, CHILDREN = 4, TURNS = 15000 };

// A child is known by its brand, its size by its place.
struct block {
    char *children[CHILDREN];
    bool again;
    char rest[];
};

static size_t child_size(size_t place) { return place == CHILDREN - 1 ? 40000 : 24 + place * 300; }

static int made, finalized, came_back;
static struct block *back; // one that a finalizer gave to whoever comes first

static void check_children(const struct block *b)
{
    for (size_t i = 0; i < CHILDREN; i++)
        if (b->children[i]) CHECK(is_whole(hide(b->children[i]), child_size(i)), "child %zu", i);
}

static void finalize(void *p, void *arg)
{
    struct block *b = (struct block *)p;
    (void)arg;
    check_children(b);
    ADD(finalized, 1);
    if (b->again) {
        b->again = false;
        CHECK(gcpre_set_finalizer(b, finalize, NULL) == 0);
        __atomic_store_n(&back, b, __ATOMIC_SEQ_CST);
    }
}

NOINLINE static struct block *build(unsigned *seed)
{
    size_t size = sizeof(struct block) + (size_t)rand_r(seed) % (rand_r(seed) % 16 ? 500 : 60000);
    struct block *b = (struct block *)calloc(1, size);
    CHECK(b);
    b->again = rand_r(seed) % 4 == 0;
    if (FINALIZERS) CHECK(gcpre_set_finalizer(b, finalize, NULL) == 0);
    ADD(made, 1);
    return b;
}

NOINLINE static void give_child(struct block *b, unsigned *seed)
{
    size_t place = (size_t)rand_r(seed) % CHILDREN, size = child_size(place);
    b->children[place] = branded((char *)malloc(size), size);
}

// The only pointer.
NOINLINE static void move_children(struct block *from, struct block *to)
{
    for (size_t i = 0; i < CHILDREN; i++) {
        to->children[i] = from->children[i];
        from->children[i] = NULL;
    }
}

NOINLINE static void turn(struct block *volatile *held, unsigned *seed)
{
    size_t i = (size_t)rand_r(seed) % PLACES, k = (size_t)rand_r(seed) % PLACES;
    struct block *got;
    switch (rand_r(seed) % 6) {
    case 0: // nobody ever knew it
        got = build(seed);
        if (held[i]) move_children(held[i], got);
        else give_child(got, seed);
        break;
    case 1: held[i] = NULL; break;
    case 2:
        if (held[i] && held[k] && i != k) move_children(held[i], held[k]);
        break;
    case 3:
        got = __atomic_exchange_n(&back, NULL, __ATOMIC_SEQ_CST);
        if (!got) break;
        check_children(got);
        held[i] = got;
        ADD(came_back, 1);
        break;
    default:
        if (!held[i]) held[i] = build(seed);
        give_child(held[i], seed);
        break;
    }
    if (held[k]) check_children(held[k]);
}

static void swap(unsigned seed, int turns)
{
    struct block *volatile held[PLACES] = {0};
    for (int i = 0; i < turns; i++) {
        turn(held, &seed);
        if (i % 1000 == 500) collect();
    }
}

static void *thread(void *arg)
{
    swap((unsigned)(uintptr_t)arg, TURNS);
    return NULL;
}

int main(void)
{
    swap(1, TURNS / 4);
    pid_t child = fork();
    CHECK(child >= 0);
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) threads[i] = start(thread, (void *)(i + 2));
    swap(9, TURNS);
    for (size_t i = 0; i < THREADS; i++) join(threads[i]);
    if (FINALIZERS) WAIT_UNTIL((drop_and_collect(), GET(finalized) >= GET(made) / 2 && GET(came_back)));
    if (child == 0) _exit(0);
    expect_child(child, 0);
}
