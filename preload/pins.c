// Calls that leave a pointer with the kernel alone: see world/pins.h.
#include "pins.h"

#include "real.h"

#include "base/crit.h"
#include "gc/collector.h"
#include "world/barrier.h"
#include "world/pins.h"

#include <errno.h>
#include <mqueue.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <time.h>

static void pin(enum pin_kind kind, uint64_t owner, uintptr_t value)
{
    if (!pins_wanted(value))
        return;
    crit_enter();
    bool done = pins_add(kind, owner, value);
    crit_leave();
    if (!done)
        collector_passive("no memory for what the kernel alone refers to");
}

static void unpin(enum pin_kind kind, uint64_t owner, uintptr_t value)
{
    if (!pins_wanted(value))
        return;
    crit_enter();
    pins_undo(kind, owner, value);
    crit_leave();
}

// A call that began then was over; returns its result, and leaves errno as it was.
static int settle(int result, enum pin_kind kind, uint64_t owner, uintptr_t value, uint64_t begun)
{
    int error = errno;
    crit_enter();
    if (result == 0)
        pins_settle(kind, owner, value, begun);
    crit_leave();
    if (result != 0)
        unpin(kind, owner, value);
    errno = error;
    return result;
}

EXPORT int epoll_ctl(int epoll, int what, int target, struct epoll_event *event)
{
    static void *_Atomic cache;
    typeof(epoll_ctl) *real = real_symbol(&cache, "epoll_ctl");
    uint64_t owner = pin_epoll_owner(epoll, target);
    uintptr_t value = what != EPOLL_CTL_DEL && event ? (uintptr_t)event->data.u64 : 0;
    uint64_t begun = pins_now();
    pin(PIN_EPOLL, owner, value);
    return settle(real(epoll, what, target, event), PIN_EPOLL, owner, value, begun);
}

// The C library waits for it in a thread that blocks every signal: a fault of that thread's would be the end (SOUNDNESS S34).
static void note_helper(const struct sigevent *event)
{
    if (event && event->sigev_notify == SIGEV_THREAD)
        barrier_give_up_mprotect("a thread of the C library that blocks every signal waits for its events");
}

static uintptr_t value_of(const struct sigevent *event)
{
    return event ? (uintptr_t)event->sigev_value.sival_ptr : 0;
}

// The identifier is known afterwards; until then the value is its own.
EXPORT int timer_create(clockid_t clock, struct sigevent *restrict event, timer_t *restrict timer)
{
    static void *_Atomic cache;
    typeof(timer_create) *real = real_symbol(&cache, "timer_create");
    uintptr_t value = value_of(event);
    uint64_t begun = pins_now();
    note_helper(event);
    pin(PIN_TIMER, value, value);
    int result = real(clock, event, timer), error = errno;
    if (result == 0) { // what had this identifier before is gone
        pin(PIN_TIMER, (uint64_t)*timer, value);
        settle(0, PIN_TIMER, (uint64_t)*timer, value, begun);
    }
    unpin(PIN_TIMER, value, value);
    errno = error;
    return result;
}

EXPORT int timer_delete(timer_t timer)
{
    static void *_Atomic cache;
    typeof(timer_delete) *real = real_symbol(&cache, "timer_delete");
    uint64_t begun = pins_now();
    return settle(real(timer), PIN_TIMER, (uint64_t)timer, 0, begun);
}

EXPORT int mq_notify(mqd_t queue, const struct sigevent *event)
{
    static void *_Atomic cache;
    typeof(mq_notify) *real = real_symbol(&cache, "mq_notify");
    uintptr_t value = value_of(event);
    uint64_t begun = pins_now();
    note_helper(event);
    pin(PIN_QUEUE, (uint64_t)queue, value);
    return settle(real(queue, event), PIN_QUEUE, (uint64_t)queue, value, begun);
}

EXPORT int mq_close(mqd_t queue)
{
    static void *_Atomic cache;
    typeof(mq_close) *real = real_symbol(&cache, "mq_close");
    uint64_t begun = pins_now();
    return settle(real(queue), PIN_QUEUE, (uint64_t)queue, 0, begun);
}

EXPORT int sigqueue(pid_t process, int signal, const union sigval value)
{
    static void *_Atomic cache;
    typeof(sigqueue) *real = real_symbol(&cache, "sigqueue");
    pin(PIN_SIGNAL, (uint64_t)signal, (uintptr_t)value.sival_ptr);
    int result = real(process, signal, value), error = errno;
    if (result != 0)
        unpin(PIN_SIGNAL, (uint64_t)signal, (uintptr_t)value.sival_ptr);
    errno = error;
    return result;
}

EXPORT int pthread_sigqueue(pthread_t thread, int signal, const union sigval value)
{
    static void *_Atomic cache;
    typeof(pthread_sigqueue) *real = real_symbol(&cache, "pthread_sigqueue");
    pin(PIN_SIGNAL, (uint64_t)signal, (uintptr_t)value.sival_ptr);
    int error = real(thread, signal, value);
    if (error)
        unpin(PIN_SIGNAL, (uint64_t)signal, (uintptr_t)value.sival_ptr);
    return error;
}

// --- kernel AIO ------------------------------------------------------------------------------------------------------

void pins_aio_submit(long count, struct iocb *const *requests)
{
    for (long i = 0; i < count; i++) {
        uintptr_t request = (uintptr_t)requests[i];
        pin(PIN_AIO, request, request);
        pin(PIN_AIO, request, requests[i]->aio_data);
        pin(PIN_AIO, request, requests[i]->aio_buf);
    }
}

static void drop(uintptr_t request)
{
    crit_enter();
    pins_drop(PIN_AIO, request);
    crit_leave();
}

void pins_aio_submitted(long result, long count, struct iocb *const *requests)
{
    for (long i = result < 0 ? 0 : result; i < count; i++)
        drop((uintptr_t)requests[i]);
}

void pins_aio_done(long result, const struct io_event *events)
{
    for (long i = 0; i < result; i++)
        drop(events[i].obj);
}
