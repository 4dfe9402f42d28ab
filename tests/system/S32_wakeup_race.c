// A signal of the program arrives while ours is being handled: the call it was meant for ends with EINTR, every time.
#include "check.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

enum { ROUNDS = 300 };
static sigset_t none;
static int handled, waiting, epoll;
static void on_user(int signal) { handled += signal != 0; }

/* Each opens its mask and waits atomically, for ever. */
static long w_sigsuspend(void) { return sigsuspend(&none); }
static long w_ppoll(void) { return ppoll(NULL, 0, NULL, &none); }
static long w_pselect(void) { return pselect(0, NULL, NULL, NULL, NULL, &none); }
static long w_epoll_pwait(void) { struct epoll_event e; return epoll_pwait(epoll, &e, 1, -1, &none); }
static long (*const waits[])(void) = {w_sigsuspend, w_ppoll, w_pselect, w_epoll_pwait};

static void *body(void *unused)
{
    for (int round = 0; round < ROUNDS; round++) {
        SET(waiting, 1);
        CHECK(waits[(size_t)round % COUNT(waits)]() == -1 && errno == EINTR, "call %zu, round %d", (size_t)round % COUNT(waits), round);
        CHECK(handled == round + 1, "%d signals handled in round %d", handled, round);
    }
    return unused;
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_user};
    sigset_t user;
    sigaction(SIGUSR1, &action, NULL);
    sigemptyset(&none);
    sigemptyset(&user);
    sigaddset(&user, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &user, NULL);
    epoll = epoll_create1(0);
    collector_start();
    pthread_t thread = start(body, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        WAIT_UNTIL(GET(waiting));
        SET(waiting, 0);
        for (int spin = 0; spin < round * 100; spin++) __asm__ volatile("pause");
        pthread_kill(thread, SIGUSR1);
    }
    join(thread);
    collector_stop();
}
