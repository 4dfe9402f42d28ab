// Blocks of all sizes come and go while some cycles are minor ones and others full: no block is born with a mark that the next
// full cycle believes, so what it alone refers to stays. Each block of the table holds the only pointer to a child.
// env: GCPRE_GOGC=10 GCPRE_VERIFY=1
// needs-library: yes
#include "check.h"

enum { BLOCKS = 3000, STEPS = 200000, THREADS = 2, CHILD = 40 };

struct parent {
    char *child;
    size_t bytes;
};

static size_t random_bytes(unsigned *seed)
{
    unsigned dice = (unsigned)rand_r(seed);
    size_t most = dice % 100 == 0 ? 60000 : dice % 7 == 0 ? 3000 : 200;
    return sizeof(struct parent) + (unsigned)rand_r(seed) % most;
}

static void check(const struct parent *p)
{
    for (int i = 0; i < CHILD; i++) CHECK(p->child[i] == brand(p->child), "a child is lost, of a block of %zu bytes", p->bytes);
}

static void *work(void *number)
{
    struct parent **table = (struct parent **)calloc(BLOCKS, sizeof *table);
    unsigned seed = (unsigned)(uintptr_t)number;
    for (int step = 0; step < STEPS; step++) {
        struct parent **place = &table[(unsigned)rand_r(&seed) % BLOCKS];
        if (*place) {
            check(*place);
            free((*place)->child);
            free(*place);
        }
        size_t bytes = random_bytes(&seed);
        *place = (struct parent *)malloc(bytes);
        **place = (struct parent){branded((char *)malloc(CHILD), CHILD), bytes};
    }
    for (int i = 0; i < BLOCKS; i++)
        if (table[i]) check(table[i]);
    free(table);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, work, (void *)(i + 1)) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}
