// The only pointers are the sigev_value of timers: pinned until timer_delete.
// libs: -lrt
#include "check.h"

static timer_t timers[200];

static void put(size_t i, char *p)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_ptr = p};
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timers[i]) == 0);
    memset(&event, 0, sizeof event);
    __asm__ volatile("" ::"m"(event));
}

static void drop(size_t i) { CHECK(timer_delete(timers[i]) == 0); }

int main(void)
{
    hazard(COUNT(timers), 64, put, drop);
}
