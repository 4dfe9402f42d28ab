// A process that goes on in its forked child again and again, with threads in each: what the library kept for the threads that the child does
// not have serves those that it makes.
// args: now
// args: quarantine
// env: GCPRE_STRESS=0
// needs-library: yes
// timeout: 120
#include "check.h"

enum { THREADS = 4, FIRST = 5, GENERATIONS = 40, MOST = 400 << 10 };

static int up;

static void *stay(void *unused)
{
    for (size_t size = 1; size < 30000; size += 7) free(malloc(size));
    free(gcpre_malloc_noscan(100));
    ADD(up, 1);
    for (;;) pause();
    return unused;
}

static uint64_t own_bytes(void)
{
    struct gcpre_stats stats;
    CHECK(gcpre_read_stats(&stats));
    return stats.other_sys;
}

static void go_on_in_child(void)
{
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) return;
    CHECK(waitpid(child, &status, 0) == child);
    _exit(status != 0);
}

int main(int argc, char **argv)
{
    uint64_t first = 0;
    if (!getenv("GCPRE_FREE") || strcmp(getenv("GCPRE_FREE"), argv[argc - 1]) != 0) {
        setenv("GCPRE_FREE", argv[argc - 1], 1);
        execv("/proc/self/exe", argv);
        check_failed(__FILE__, __LINE__, "execv", "returned");
    }
    for (int generation = 0; generation < GENERATIONS; generation++) {
        SET(up, 0);
        for (int t = 0; t < THREADS; t++) start(stay, NULL);
        WAIT_UNTIL(GET(up) == THREADS);
        if (generation == FIRST) first = own_bytes();
        go_on_in_child();
    }
    CHECK(own_bytes() <= first + MOST, "%lu bytes, %lu in the %dth generation", own_bytes(), first, FIRST);
    return 0;
}
