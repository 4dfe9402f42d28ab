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

static void keep_only(enum pin_kind kind, uint64_t owner, uintptr_t value)
{
    crit_enter();
    pins_keep_only(kind, owner, value);
    crit_leave();
}

EXPORT int epoll_ctl(int epoll, int what, int target, struct epoll_event *event)
{
    static void *_Atomic cache;
    typeof(epoll_ctl) *real = real_symbol(&cache, "epoll_ctl");
    uint64_t owner = pin_epoll_owner(epoll, target);
    uintptr_t value = what != EPOLL_CTL_DEL && event ? (uintptr_t)event->data.u64 : 0;
    pin(PIN_EPOLL, owner, value);
    int result = real(epoll, what, target, event), error = errno;
    if (result == 0)
        keep_only(PIN_EPOLL, owner, value);
    else
        unpin(PIN_EPOLL, owner, value);
    errno = error;
    return result;
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
    note_helper(event);
    pin(PIN_TIMER, value, value);
    int result = real(clock, event, timer), error = errno;
    if (result == 0) {
        keep_only(PIN_TIMER, (uint64_t)*timer, 0); // an identifier comes back after its timer is gone
        pin(PIN_TIMER, (uint64_t)*timer, value);
    }
    unpin(PIN_TIMER, value, value);
    errno = error;
    return result;
}

EXPORT int timer_delete(timer_t timer)
{
    static void *_Atomic cache;
    typeof(timer_delete) *real = real_symbol(&cache, "timer_delete");
    int result = real(timer), error = errno;
    if (result == 0)
        keep_only(PIN_TIMER, (uint64_t)timer, 0);
    errno = error;
    return result;
}

EXPORT int mq_notify(mqd_t queue, const struct sigevent *event)
{
    static void *_Atomic cache;
    typeof(mq_notify) *real = real_symbol(&cache, "mq_notify");
    uintptr_t value = value_of(event);
    note_helper(event);
    pin(PIN_QUEUE, (uint64_t)queue, value);
    int result = real(queue, event), error = errno;
    if (result == 0)
        keep_only(PIN_QUEUE, (uint64_t)queue, value);
    else
        unpin(PIN_QUEUE, (uint64_t)queue, value);
    errno = error;
    return result;
}

EXPORT int mq_close(mqd_t queue)
{
    static void *_Atomic cache;
    typeof(mq_close) *real = real_symbol(&cache, "mq_close");
    int result = real(queue), error = errno;
    if (result == 0)
        keep_only(PIN_QUEUE, (uint64_t)queue, 0);
    errno = error;
    return result;
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

void pins_aio_submitted(long result, long count, struct iocb *const *requests)
{
    for (long i = result < 0 ? 0 : result; i < count; i++)
        keep_only(PIN_AIO, (uintptr_t)requests[i], 0);
}

void pins_aio_done(long result, const struct io_event *events)
{
    for (long i = 0; i < result; i++)
        keep_only(PIN_AIO, events[i].obj, 0);
}
