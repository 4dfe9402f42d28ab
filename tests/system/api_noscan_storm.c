// Blocks without pointers and others of the same sizes, taken and freed by several threads while cycles run: nobody's block changes.
#include "check.h"

enum { THREADS = 4, KEPT = 200 };

static void *turn(void *arg)
{
    static const size_t sizes[] = {16, 40, 700, 5000, 30000, 100000};
    unsigned seed = (unsigned)(uintptr_t)arg;
    char *kept[KEPT] = {0};
    size_t size[KEPT] = {0};
    for (int i = 0; i < 20000; i++) {
        size_t at = (size_t)rand_r(&seed) % KEPT, want = sizes[(size_t)rand_r(&seed) % COUNT(sizes)];
        if (kept[at]) {
            CHECK(is_whole(hide(kept[at]), size[at]));
            free(kept[at]);
        }
        kept[at] = branded((char *)(rand_r(&seed) % 2 ? gcpre_malloc_noscan(want) : malloc(want)), want);
        size[at] = want;
        if (i % 1000 == 0) collect();
    }
    for (size_t at = 0; at < KEPT; at++) free(kept[at]);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, turn, (void *)(i + 1)) == 0);
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}
