// Threads in sigwait, sigwaitinfo, sigtimedwait and on a signalfd, all with full sets: they see every signal of the
// program and none of ours.
#ifndef SIGNALS
#define SIGNALS SIGUSR1, SIGUSR2, SIGCHLD, SIGHUP, SIGTERM
#endif
#include "check.h"
#include <poll.h>
#include <sys/signalfd.h>

static sigset_t everything;
static int received[65], waiter_ready;

static int take(int kind)
{
    siginfo_t info;
    struct timespec minute = {60, 0};
    int got = 0;
    if (kind == 0) CHECK(sigwait(&everything, &got) == 0);
    if (kind == 1) got = sigwaitinfo(&everything, &info);
    if (kind == 2) got = sigtimedwait(&everything, &info, &minute);
    if (kind == 3) {
        static int fd = -1;
        struct signalfd_siginfo from_fd;
        if (fd < 0) fd = signalfd(-1, &everything, SFD_CLOEXEC);
        CHECK(read(fd, &from_fd, sizeof from_fd) == sizeof from_fd);
        got = (int)from_fd.ssi_signo;
    }
    CHECK(got > 0, "kind %d", kind);
    return got;
}

static void *waiter(void *kind)
{
    for (;;) {
        SET(waiter_ready, 1);
        int got = take((int)(size_t)kind);
        ADD(received[got], 1);
        if (got == SIGTERM) return NULL;
    }
}

static void run_kind(size_t kind)
{
    static const int signals[] = {SIGNALS};
    memset(received, 0, sizeof received);
    SET(waiter_ready, 0);
    pthread_t thread = start(waiter, (void *)kind);
    WAIT_UNTIL(GET(waiter_ready));
    wait_for_cycles(20);
    for (int s = 1; s < 65; s++) CHECK(GET(received[s]) == 0, "kind %zu received signal %d that nobody sent", kind, s);
    for (size_t i = 0; i < COUNT(signals); i++) {
        int before = GET(received[signals[i]]);
        kill(getpid(), signals[i]);
        WAIT_UNTIL(GET(received[signals[i]]) == before + 1);
        wait_for_cycles(2);
    }
    join(thread);
    for (int s = 1; s < 65; s++) {
        int sent = 0;
        for (size_t i = 0; i < COUNT(signals); i++) sent += signals[i] == s;
        CHECK(received[s] == sent, "kind %zu received signal %d %d times, %d were sent", kind, s, received[s], sent);
    }
}

int main(void)
{
    sigfillset(&everything);
    sigprocmask(SIG_BLOCK, &everything, NULL);
    collector_start();
    for (size_t kind = 0; kind < 4; kind++) run_kind(kind);
    collector_stop();
    int fd = signalfd(-1, &everything, SFD_NONBLOCK);
    struct signalfd_siginfo none;
    drop_and_collect();
    CHECK(read(fd, &none, sizeof none) == -1 && errno == EAGAIN, "a signal is left");
}
