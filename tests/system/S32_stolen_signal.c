// A thread that blocks every signal waits, while signals with the hidden numbers come to the process and other threads take them: no
// EINTR, and no wait ends early.
// args: epoll_wait
// args: epoll_pwait
// args: epoll_pwait2
// args: semtimedop
// args: sigtimedwait
#include "check.h"
#include <sys/epoll.h>
#include <sys/sem.h>

enum { WAITS = 150, LENGTH_MS = 4, TAKERS = 3 };

static const char *call;
static int epoll, semaphores, stop;
static volatile sig_atomic_t handled;

static void on_signal(int signal) { handled += signal == SIGURG; }

static long now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Whether it ended as its timeout. */
static bool wait_once(void)
{
    struct timespec time = {0, LENGTH_MS * 1000000};
    struct epoll_event event;
    struct sembuf down = {0, -1, 0};
    sigset_t none;
    sigemptyset(&none);
    if (strcmp(call, "epoll_wait") == 0) return epoll_wait(epoll, &event, 1, LENGTH_MS) == 0;
    if (strcmp(call, "epoll_pwait") == 0) return epoll_pwait(epoll, &event, 1, LENGTH_MS, NULL) == 0;
    if (strcmp(call, "epoll_pwait2") == 0) return epoll_pwait2(epoll, &event, 1, &time, NULL) == 0;
    if (strcmp(call, "semtimedop") == 0) return semtimedop(semaphores, &down, 1, &time) < 0 && errno == EAGAIN;
    return sigtimedwait(&none, NULL, &time) < 0 && errno == EAGAIN;
}

static void *waits(void *unused)
{
    for (int i = 0; i < WAITS; i++) {
        long begun = now_us();
        CHECK(wait_once(), "%s, number %d", call, i);
        CHECK(now_us() - begun >= LENGTH_MS * 1000 - 100);
    }
    SET(stop, 1);
    return unused;
}

static void *takes(void *unused)
{
    while (!GET(stop)) kill(getpid(), SIGURG);
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t takers[TAKERS], waiter;
    sigset_t all, before;
    call = argv[argc - 1];
    epoll = epoll_create1(0);
    semaphores = semget(IPC_PRIVATE, 1, 0600);
    CHECK(epoll >= 0 && semaphores >= 0 && signal(SIGURG, on_signal) != SIG_ERR);
    for (int i = 0; i < TAKERS; i++) takers[i] = start(takes, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    waiter = start(waits, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    collector_start();
    join(waiter);
    collector_stop();
    for (int i = 0; i < TAKERS; i++) join(takers[i]);
    CHECK(handled > 0);
    semctl(semaphores, 0, IPC_RMID);
}
