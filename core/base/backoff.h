// Waiting for what another thread does in a moment, where no lock and no event says so: looks again at once for about a
// microsecond, then ever more seldom, asleep in between.
//
// Not by sched_yield(2): the kernel's fair scheduler charges who yields for all of a time slice (yield_task_fair in
// kernel/sched/fair.c), whether or not anybody else wants the processor. A loop of yields runs up a debt of seconds in
// milliseconds, and the thread does not run again until the others have caught up.
#pragma once

#include "sys/cpu.h"
#include "sys/syscall.h"

enum { BACKOFF_SPINS = 50, BACKOFF_FIRST_NS = 20000, BACKOFF_LAST_NS = 1280000 };

struct backoff { // all zero at first
    unsigned spins;
    long sleep_ns;
};

// Any thread; makes no system call but futex(2).
static inline void backoff_wait(struct backoff *b)
{
    _Atomic uint32_t nobody_wakes = 0;
    if (b->spins < BACKOFF_SPINS) {
        b->spins++;
        cpu_relax();
        return;
    }
    if (b->sleep_ns < BACKOFF_LAST_NS)
        b->sleep_ns = b->sleep_ns ? 2 * b->sleep_ns : BACKOFF_FIRST_NS;
    sys_futex_wait(&nobody_wakes, 0, &(struct timespec){.tv_nsec = b->sleep_ns});
}
