// A program that execs itself dozens of times, from main and from other threads, while stops are under way.
// timeout: 120
#include "check.h"

static char **arguments;

static void *churn(void *unused)
{
    for (;;) free(malloc((size_t)(rand() % 3000)));
    return unused;
}

static void *exec_next(void *unused)
{
    execv("/proc/self/exe", arguments);
    check_failed(__FILE__, __LINE__, "execv", "returned");
    return unused;
}

int main(int argc, char **argv)
{
    int left = argc > 1 ? atoi(argv[1]) : 40;
    if (left == 0) return 0;
    char number[12];
    snprintf(number, sizeof number, "%d", left - 1);
    arguments = (char *[]){argv[0], number, NULL};
    sigset_t set, pending;
    sigemptyset(&set);
    sigpending(&pending);
    CHECK(memcmp(&set, &pending, 16) == 0, "a signal was left pending by the last program");
    for (int i = 0; i < 3; i++) start(churn, NULL);
    collector_start();
    wait_for_cycles(2 + (unsigned)left % 3);
    if (left % 2) join(start(exec_next, NULL));
    exec_next(NULL);
}
