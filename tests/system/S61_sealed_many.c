// GCPRE_FREE=quarantine: so many large blocks are held that sealing each would take more mappings than a process may have
// (vm.max_map_count): the program goes on, and all come back. Threads free and collect at once; the barrier works as before.
// env: GCPRE_FREE=quarantine GCPRE_STRESS=0
// needs-library: yes
// timeout: 120
#include "check.h"

enum { SIZE = 40000, LARGE = 600000, BLOCKS = 10000, THREADS = 2, EACH = 2000 };

static char *volatile dangling[BLOCKS];

static void *churn(void *unused)
{
    for (int i = 0; i < EACH; i++) {
        char *p = (char *)malloc(SIZE + (size_t)i % 7 * 100000);
        CHECK(p != NULL);
        p[0] = p[SIZE - 1] = 1;
        free(p);
    }
    return unused;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < BLOCKS; i++) dangling[i] = (char *)malloc(i % 2 ? SIZE : LARGE);
    for (size_t i = 0; i < BLOCKS; i += 2) free(dangling[i]); // every other one, so that mappings do not merge
    collect();
    collector_start();
    for (size_t t = 0; t < THREADS; t++) threads[t] = start(churn, NULL);
    for (size_t t = 0; t < THREADS; t++) join(threads[t]);
    wait_for_cycles(3);
    for (size_t i = 1; i < BLOCKS; i += 2) dangling[i][0] = dangling[i][SIZE - 1] = 1;
    for (size_t i = 0; i < BLOCKS; i++) dangling[i] = NULL;
    collector_stop();
    char *p = (char *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED, "no mapping is left for the program");
}
