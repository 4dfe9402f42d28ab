// Words that alternate between a pointer and anything else while they are scanned: a thread flips them as fast as it can, in its
// globals, in a small block and in a large one. What a marker reads the second time need not be what it saw the first time.
#include "check.h"

enum { WORDS = 4000, ROUNDS = 2000 };

static uintptr_t global_words[WORDS];
static uintptr_t *small[WORDS / 4], *large;
static _Atomic int running = 1;
static void *target;

static void flip(uintptr_t word)
{
    for (int i = 0; i < WORDS; i++) {
        ((volatile uintptr_t *)global_words)[i] = word;
        ((volatile uintptr_t *)large)[i] = word;
        ((volatile uintptr_t *)small[i / 4])[i % 4] = word;
    }
}

static void *flip_all(void *unused)
{
    while (running) {
        flip((uintptr_t)target);
        flip(0x4141414141414141);                         // no address at all
        flip((uintptr_t)target + ((uintptr_t)1 << 46));   // one outside of the heap
    }
    return unused;
}

int main(void)
{
    pthread_t thread;
    target = malloc(100);
    large = malloc(WORDS * sizeof *large);
    for (int i = 0; i < WORDS / 4; i++) small[i] = malloc(4 * sizeof *small[i]);
    memset(target, 7, 100);
    CHECK(pthread_create(&thread, NULL, flip_all, NULL) == 0);
    for (int i = 0; i < ROUNDS; i++) collect();
    running = 0;
    CHECK(pthread_join(thread, NULL) == 0);
    for (int i = 0; i < 100; i++) CHECK(((char *)target)[i] == 7);
}
