// A program that blocks SIGSEGV, in every way, writes to armed pages: a fault with the signal blocked would kill it.
#include "check.h"
#include <poll.h>

enum { BLOCKS = 64, SIZE = 40 << 10 };
static char *blocks[BLOCKS];
static sigset_t everything;

static void touch_all(int round)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        CHECK(blocks[i][100] == (char)(round + (int)i));
        blocks[i][100] = (char)(round + 1 + (int)i);
    }
}
static void on_user(int signal) { touch_all(signal == SIGUSR1 ? 2 : 0); }

static void *inheriting(void *unused)
{
    touch_all(3);
    return unused;
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_user};
    sigfillset(&everything);
    sigfillset(&action.sa_mask);
    sigaction(SIGUSR1, &action, NULL);
    collector_start();
    for (int repeat = 0; repeat < 20; repeat++) {
        for (size_t i = 0; i < BLOCKS; i++) blocks[i] = (char *)calloc(1, SIZE), blocks[i][100] = (char)i;
        wait_for_cycles(1);
        sigprocmask(SIG_BLOCK, &everything, NULL);
        touch_all(0);
        wait_for_cycles(1);
        pthread_sigmask(SIG_SETMASK, &everything, NULL);
        touch_all(1);
        pthread_sigmask(SIG_UNBLOCK, &everything, NULL);
        wait_for_cycles(1);
        raise(SIGUSR1);  // its handler's mask is full
        pthread_sigmask(SIG_SETMASK, &everything, NULL);
        wait_for_cycles(1);
        join(start(inheriting, NULL));
        pthread_sigmask(SIG_UNBLOCK, &everything, NULL);
        for (size_t i = 0; i < BLOCKS; i++) free(blocks[i]);
    }
    collector_stop();
}
