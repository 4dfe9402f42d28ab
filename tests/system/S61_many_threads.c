// GCPRE_FREE=quarantine: what is kept of a thread's frees goes to another when it ends, also of one that frees behind its last destructor
// (the C library does, what strerror allocated), and of one that the C library made by itself and that does nothing but free (of a timer).
// env: GCPRE_FREE=quarantine GCPRE_STRESS=0
// libs: -lrt
// needs-library: yes
// timeout: 120
#include "check.h"

enum { THREADS = 1500, ROUND = 300, MOST = 1 << 20 };

static unsigned fired;

static void *frees_late(void *number)
{
    volatile const char *text = strerror(100000 + (int)(uintptr_t)number);
    CHECK(text != NULL);
    return NULL;
}

static void on_time(union sigval unused)
{
    (void)unused;
    ADD(fired, 1);
}

static void run_threads(size_t count)
{
    for (size_t i = 0; i < count; i++) join(start(frees_late, (void *)i));
}

static void run_timer(unsigned count)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_time};
    const struct itimerspec often = {{0, 500000}, {0, 500000}}, never = {{0, 0}, {0, 0}};
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &often, NULL) == 0);
    unsigned goal = GET(fired) + count;
    WAIT_UNTIL((int)(GET(fired) - goal) >= 0);
    CHECK(timer_settime(timer, 0, &never, NULL) == 0);
    CHECK(timer_delete(timer) == 0);
}

static uint64_t own_bytes(void)
{
    struct gcpre_stats stats;
    CHECK(gcpre_read_stats(&stats));
    return stats.other_sys;
}

int main(void)
{
    run_threads(ROUND);
    run_timer(ROUND);
    uint64_t before = own_bytes();
    run_threads(THREADS);
    CHECK(own_bytes() <= before + MOST, "%lu bytes, %lu before threads", own_bytes(), before);
    before = own_bytes();
    run_timer(THREADS);
    CHECK(own_bytes() <= before + MOST, "%lu bytes, %lu before timers", own_bytes(), before);
}
