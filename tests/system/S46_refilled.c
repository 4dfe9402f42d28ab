// Under a limit of address space threads free (or lose) all that they allocate, and fill what there is many times a second: as long as
// a cycle gives memory back, malloc finds some.
// args: quarantine
// args: ignore
// args: lost
// allow-stderr: ^gcpre
// env: GCPRE_STRESS=0
// needs-library: yes
// timeout: 120
#include "check.h"
#include <sys/resource.h>

enum { THREADS = 3, EACH = 1500, LIVE = 60, LIMIT_KB = 400000, LEAST = 20000, SPREAD = 400000 };

static char *volatile live[LIVE];
static bool loses;

static void run_again_limited(char **argv)
{
    struct rlimit limit = {(rlim_t)LIMIT_KB << 10, (rlim_t)LIMIT_KB << 10};
    char *again[] = {argv[0], argv[1], (char *)"now", NULL};
    CHECK(setenv("GCPRE_FREE", strcmp(argv[1], "lost") == 0 ? "now" : argv[1], 1) == 0);
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    execv("/proc/self/exe", again);
    check_failed(__FILE__, __LINE__, "execv", "returned");
}

static void *churn(void *number)
{
    unsigned seed = (unsigned)(uintptr_t)number;
    for (int i = 0; i < EACH; i++) {
        size_t size = LEAST + (size_t)rand_r(&seed) % SPREAD;
        char *volatile p = (char *)malloc(size);
        CHECK(p, "no memory for %zu bytes, the %dth of this thread", size, i);
        memset(p, 1, LEAST);
        if (!loses) free(p);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    if (argc < 3) run_again_limited(argv);
    loses = strcmp(argv[1], "lost") == 0;
    for (size_t i = 0; i < LIVE; i++) {
        live[i] = (char *)malloc(1 << 20);
        CHECK(live[i]);
    }
    for (size_t t = 0; t < THREADS; t++) threads[t] = start(churn, (void *)t);
    for (size_t t = 0; t < THREADS; t++) join(threads[t]);
}
