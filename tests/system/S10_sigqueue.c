// The only pointers are the values of queued, blocked signals: pinned until the signal is taken.
// args: sigqueue
// args: pthread_sigqueue
#include "check.h"

static bool to_thread;
static sigset_t set;

static void put(size_t i, char *p)
{
    (void)i;
    union sigval value = {.sival_ptr = p};
    CHECK((to_thread ? pthread_sigqueue(pthread_self(), SIGRTMIN + 1, value) : sigqueue(getpid(), SIGRTMIN + 1, value)) == 0);
}

static void drop(size_t i)
{
    siginfo_t info;
    CHECK(sigwaitinfo(&set, &info) == SIGRTMIN + 1);
    CHECK(info.si_value.sival_ptr == unhide(held.at[i]), "signal %zu carries another value", i);
    memset(&info, 0, sizeof info);
    __asm__ volatile("" ::"m"(info));
}

int main(int argc, char **argv)
{
    to_thread = strcmp(argv[argc - 1], "pthread_sigqueue") == 0;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    hazard(200, 64, put, drop);
}
