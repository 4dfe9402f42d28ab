/* gaps.h: a thread that notes gaps in its own clock. It asks to be woken every tick and records how
 * late it was: what a pause of the whole process costs any thread, whoever measures it. A tick of
 * 0 never sleeps: it sees every gap, but keeps a core busy. */
#ifndef GAPS_H
#define GAPS_H

#include "histogram.h"
#include <sys/prctl.h>

static struct {
    struct histogram late;
    int64_t tick_ns;
    atomic_bool stop;
    pthread_t thread;
} gaps;

static inline void sleep_until(int64_t due_ns)
{
    struct timespec due = { due_ns / 1000000000, due_ns % 1000000000 };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
        continue;
}

static inline void *gaps_watch(void *unused)
{
    (void)unused;
    prctl(PR_SET_TIMERSLACK, 1);
    int64_t now = now_ns();
    while (!atomic_load_explicit(&gaps.stop, memory_order_relaxed)) {
        int64_t due = now + gaps.tick_ns;
        if (gaps.tick_ns > 0)
            sleep_until(due);
        now = now_ns();
        histogram_add(&gaps.late, now - due);
    }
    return NULL;
}

static inline void gaps_begin(int64_t tick_us)
{
    gaps.tick_ns = tick_us * 1000;
    thread_start(&gaps.thread, gaps_watch, NULL);
}

static inline void gaps_end(void)
{
    atomic_store(&gaps.stop, true);
    pthread_join(gaps.thread, NULL);
    histogram_print(&gaps.late, "gap");
}

#endif
