// A SIGEV_THREAD timer's only reference to its heap block is timer_t: the address shifted right, with the top bit set.
// The argument of its function is known to that block alone.
// libs: -lrt
// allow-stderr: mprotect given up .*block.? every signal
#include "check.h"

static timer_t timers[100];
static int fired;

static void notify(union sigval value)
{
    CHECK(is_allocated(hide(value.sival_ptr)) && is_whole(hide(value.sival_ptr), 70), "a timer's argument");
    ADD(fired, 1);
}

static void put(size_t i, char *p)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = notify, .sigev_value.sival_ptr = p};
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timers[i]) == 0);
    memset(&event, 0, sizeof event);
    __asm__ volatile("" ::"m"(event));
}

int main(void)
{
    herd_lose(&lost, 1000, RARE_SIZE);
    drop_and_collect();
    herd_check_gone(&lost);
    hazard_fill(COUNT(timers), 70, put);
    drop_and_collect();
    herd_check_whole(&held);
    struct itimerspec soon = {.it_value.tv_nsec = 1};
    for (size_t i = 0; i < COUNT(timers); i++) CHECK(timer_settime(timers[i], 0, &soon, NULL) == 0);
    WAIT_UNTIL(GET(fired) == (int)COUNT(timers));
    for (size_t i = 0; i < COUNT(timers); i++) CHECK(timer_delete(timers[i]) == 0);
}
