// Cleanups run for threads that begin when all others have ended: main leaves by pthread_exit while they are being made, or before a timer
// of the C library makes one.
// args: thread
// args: timer
// libs: -lrt
// needs-library: yes
// env: GCPRE_STRESS=0
#include "check.h"

enum { CHILDREN = 15, BLOCKS = 200, SIZE = 900 };

static int called;

static void call(void *unused)
{
    (void)unused;
    ADD(called, 1);
}

NOINLINE static void lose(int count)
{
    for (int i = 0; i < count; i++) CHECK(gcpre_add_cleanup(malloc(SIZE), call, NULL).record);
}

static void *expect(void *unused)
{
    lose(BLOCKS);
    WAIT_UNTIL((drop_and_collect(), GET(called) >= BLOCKS * 95 / 100));
    _exit(0);
    return unused;
}

static void on_time(union sigval unused)
{
    (void)unused;
    expect(NULL);
}

static void start_timer(void)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_time};
    const struct itimerspec soon = {{0, 0}, {0, 50000000}};
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &soon, NULL) == 0);
}

int main(int argc, char **argv)
{
    bool by_timer = strcmp(argv[argc - 1], "timer") == 0;
    for (int i = 0; i < CHILDREN; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            lose(1);
            usleep(20000);
            by_timer ? start_timer() : (void)start(expect, NULL);
            pthread_exit(NULL);
        }
        expect_child(child, 0);
    }
}
