// Waits whose timeout keeps its length although stops interrupt them (S32), and whose masks leave our signals alone.
//
// Each announces the system call it is going to make (world/interrupt.h), and calls the C library's function once: all
// of these are cancellation points. Should a stop interrupt the call, its handler sets it going again. Memory that the
// kernel is going to store into is published first (world/kwrite.h).
//
// Not here: waits that are endless, or whose timeout is absolute; the stop handler needs no announcement for them.
#include "real.h"
#include "signal.h"
#include "world/interrupt.h"
#include "world/kwrite.h"

#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum { MS_PER_S = 1000, NS_PER_US = 1000, NS_PER_MS = 1000000, US_PER_S = 1000000 };

static inline __attribute__((always_inline)) void announce(int number, const struct timespec *whole)
{
    interrupt_announce(number, CLOCK_MONOTONIC, whole);
}

static inline __attribute__((always_inline)) void announce_ms(int number, int ms)
{
    const struct timespec whole = {ms / MS_PER_S, ms % MS_PER_S * NS_PER_MS};
    announce(number, ms > 0 ? &whole : NULL);
}

// What the kernel is given for a relative time, where it does not store what remains: a copy that the handler may change.
static const struct timespec *changeable(const struct timespec *timeout)
{
    return timeout ? &interrupt_self.left : NULL;
}

static int done(int result, uint32_t ticket)
{
    interrupt_forget();
    kwrite_leave(ticket);
    return result;
}

// The kernel wakes any thread for a signal with a hidden number (the stop signal's, whatever the program blocks); another may take it
// first, and then no handler comes by to set this call going again. So an EINTR without a handler of the program's is nobody's:
// whether the call, in which handlers had run `before`, is to be made again, with what is left of its time.
static bool was_nobodys(long result, unsigned before)
{
    if (result >= 0 || errno != EINTR || before != interrupt_handlers_run)
        return false;
    interrupt_self.left = interrupt_time_left();
    return true;
}

// Rounded up, so that it never ends early.
static int ms_left(int timeout)
{
    struct timespec left = interrupt_self.left;
    return timeout <= 0 ? timeout
                        : (int)(left.tv_sec * MS_PER_S + (left.tv_nsec + NS_PER_MS - 1) / NS_PER_MS);
}

static struct range range_of(const void *start, size_t bytes)
{
    return (struct range){(uintptr_t)start, (uintptr_t)start + bytes};
}

static uint32_t publish_sets(int count, const fd_set *in, const fd_set *out, const fd_set *exceptional)
{
    size_t bytes = count > 0 ? align_up((size_t)count, NFDBITS) / 8 : 0;
    const struct range sets[] = {range_of(in, bytes), range_of(out, bytes), range_of(exceptional, bytes)};
    return kwrite_enter(sets, 3);
}

// --- descriptors -------------------------------------------------------------------------------------------------

EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    static void *_Atomic cache;
    typeof(poll) *real = real_symbol(&cache, "poll");
    uint32_t ticket = kwrite_enter_one(fds, count * sizeof *fds);
    announce_ms(SYS_poll, timeout);
    return done(real(fds, count, timeout), ticket);
}

EXPORT int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    static void *_Atomic cache;
    typeof(ppoll) *real = real_symbol(&cache, "ppoll");
    sigset_t copy;
    uint32_t ticket = kwrite_enter_one(fds, count * sizeof *fds);
    announce(SYS_ppoll, timeout);
    return done(real(fds, count, timeout, signal_kernel_set(mask, &copy)), ticket);
}

// The names that _FORTIFY_SOURCE uses.
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t bytes);
EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t bytes)
{
    static void *_Atomic cache;
    typeof(__poll_chk) *real = real_symbol(&cache, "__poll_chk");
    uint32_t ticket = kwrite_enter_one(fds, count * sizeof *fds);
    announce_ms(SYS_poll, timeout);
    return done(real(fds, count, timeout, bytes), ticket);
}

int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                size_t bytes);
EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                       size_t bytes)
{
    static void *_Atomic cache;
    typeof(__ppoll_chk) *real = real_symbol(&cache, "__ppoll_chk");
    sigset_t copy;
    uint32_t ticket = kwrite_enter_one(fds, count * sizeof *fds);
    announce(SYS_ppoll, timeout);
    return done(real(fds, count, timeout, signal_kernel_set(mask, &copy), bytes), ticket);
}

EXPORT int select(int count, fd_set *in, fd_set *out, fd_set *exceptional, struct timeval *timeout)
{
    static void *_Atomic cache;
    typeof(select) *real = real_symbol(&cache, "select");
    struct timespec whole = {0, 0};
    if (timeout)
        whole = (struct timespec){timeout->tv_sec + timeout->tv_usec / US_PER_S,
                                  timeout->tv_usec % US_PER_S * NS_PER_US};
    uint32_t ticket = publish_sets(count, in, out, exceptional);
    announce(SYS_pselect6, timeout ? &whole : NULL);
    return done(real(count, in, out, exceptional, timeout), ticket);
}

EXPORT int pselect(int count, fd_set *in, fd_set *out, fd_set *exceptional, const struct timespec *timeout,
                   const sigset_t *mask)
{
    static void *_Atomic cache;
    typeof(pselect) *real = real_symbol(&cache, "pselect");
    sigset_t copy;
    uint32_t ticket = publish_sets(count, in, out, exceptional);
    announce(SYS_pselect6, timeout);
    return done(real(count, in, out, exceptional, timeout, signal_kernel_set(mask, &copy)), ticket);
}

EXPORT int epoll_wait(int epfd, struct epoll_event *events, int room, int timeout)
{
    static void *_Atomic cache;
    typeof(epoll_wait) *real = real_symbol(&cache, "epoll_wait");
    uint32_t ticket = kwrite_enter_one(events, room > 0 ? (size_t)room * sizeof *events : 0);
    unsigned handlers = interrupt_handlers_run;
    int result;
    announce_ms(SYS_epoll_wait, timeout);
    while (was_nobodys(result = real(epfd, events, room, timeout), handlers))
        timeout = ms_left(timeout);
    return done(result, ticket);
}

EXPORT int epoll_pwait(int epfd, struct epoll_event *events, int room, int timeout, const sigset_t *mask)
{
    static void *_Atomic cache;
    typeof(epoll_pwait) *real = real_symbol(&cache, "epoll_pwait");
    sigset_t copy;
    uint32_t ticket = kwrite_enter_one(events, room > 0 ? (size_t)room * sizeof *events : 0);
    unsigned handlers = interrupt_handlers_run;
    int result;
    announce_ms(SYS_epoll_pwait, timeout);
    while (was_nobodys(result = real(epfd, events, room, timeout, signal_kernel_set(mask, &copy)), handlers))
        timeout = ms_left(timeout);
    return done(result, ticket);
}

EXPORT int epoll_pwait2(int epfd, struct epoll_event *events, int room, const struct timespec *timeout,
                        const sigset_t *mask)
{
    static void *_Atomic cache;
    typeof(epoll_pwait2) *real = real_symbol(&cache, "epoll_pwait2");
    sigset_t copy;
    uint32_t ticket = kwrite_enter_one(events, room > 0 ? (size_t)room * sizeof *events : 0);
    unsigned handlers = interrupt_handlers_run;
    int result;
    announce(SYS_epoll_pwait2, timeout);
    do
        result = real(epfd, events, room, changeable(timeout), signal_kernel_set(mask, &copy));
    while (was_nobodys(result, handlers));
    return done(result, ticket);
}

// --- sleep -------------------------------------------------------------------------------------------------------

// clock_nanosleep, and with it all the others; *rest is written only when the sleep ends early.
static int sleep_for(clockid_t clock, int flags, const struct timespec *time, struct timespec *rest)
{
    static void *_Atomic cache;
    typeof(clock_nanosleep) *real = real_symbol(&cache, "clock_nanosleep");
    struct timespec unslept;
    int error = errno;
    if (flags & TIMER_ABSTIME)
        return real(clock, flags, time, rest);
    interrupt_announce(SYS_clock_nanosleep, clock, time);
    errno = error; // the clock may not exist
    int result = done(real(clock, flags, &interrupt_self.left, &unslept), KWRITE_NOTHING);
    if (result == EINTR && rest)
        *rest = unslept;
    return result;
}

EXPORT int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *rest)
{
    return sleep_for(clock, flags, time, rest);
}

EXPORT int nanosleep(const struct timespec *time, struct timespec *rest)
{
    int result = sleep_for(CLOCK_REALTIME, 0, time, rest);
    if (result == 0)
        return 0;
    errno = result;
    return -1;
}

EXPORT int usleep(useconds_t us)
{
    const struct timespec time = {us / US_PER_S, us % US_PER_S * NS_PER_US};
    return nanosleep(&time, NULL);
}

EXPORT unsigned sleep(unsigned seconds)
{
    struct timespec time = {seconds, 0};
    return nanosleep(&time, &time) == 0 ? 0 : (unsigned)time.tv_sec;
}

EXPORT int thrd_sleep(const struct timespec *time, struct timespec *rest)
{
    int result = sleep_for(CLOCK_REALTIME, 0, time, rest);
    return result == 0 ? 0 : result == EINTR ? -1 : -2;
}

// --- signals and semaphores ----------------------------------------------------------------------------------------

EXPORT int sigsuspend(const sigset_t *mask)
{
    static void *_Atomic cache;
    typeof(sigsuspend) *real = real_symbol(&cache, "sigsuspend");
    sigset_t copy;
    announce(SYS_rt_sigsuspend, NULL);
    return done(real(signal_kernel_set(mask, &copy)), KWRITE_NOTHING);
}

EXPORT int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict info,
                        const struct timespec *restrict timeout)
{
    static void *_Atomic cache;
    typeof(sigtimedwait) *real = real_symbol(&cache, "sigtimedwait");
    sigset_t copy;
    siginfo_t got;
    unsigned handlers = interrupt_handlers_run;
    int signal;
    announce(SYS_rt_sigtimedwait, timeout);
    do
        signal = real(signal_kernel_set(set, &copy), &got, changeable(timeout));
    while (was_nobodys(signal, handlers));
    done(signal, KWRITE_NOTHING);
    if (signal > 0) {
        signal = signal_received(&got);
        if (info)
            *info = got;
    }
    return signal;
}

EXPORT int sigwaitinfo(const sigset_t *restrict set, siginfo_t *restrict info)
{
    return sigtimedwait(set, info, NULL);
}

EXPORT int sigwait(const sigset_t *restrict set, int *restrict signal)
{
    int result;
    do
        result = sigtimedwait(set, NULL, NULL);
    while (result < 0 && errno == EINTR);
    if (result < 0)
        return errno;
    *signal = result;
    return 0;
}

EXPORT int semtimedop(int id, struct sembuf *operations, size_t count, const struct timespec *timeout)
{
    static void *_Atomic cache;
    typeof(semtimedop) *real = real_symbol(&cache, "semtimedop");
    unsigned handlers = interrupt_handlers_run;
    int result;
    announce(SYS_semtimedop, timeout);
    do
        result = real(id, operations, count, changeable(timeout));
    while (was_nobodys(result, handlers));
    return done(result, KWRITE_NOTHING);
}

EXPORT int semop(int id, struct sembuf *operations, size_t count)
{
    return semtimedop(id, operations, count, NULL);
}

// Second names that the C library exports.
extern typeof(poll) __poll __attribute__((alias("poll"), copy(poll), visibility("default")));
extern typeof(select) __select __attribute__((alias("select"), copy(select), visibility("default")));
extern typeof(nanosleep) __nanosleep
    __attribute__((alias("nanosleep"), copy(nanosleep), visibility("default")));
extern typeof(sigsuspend) __sigsuspend
    __attribute__((alias("sigsuspend"), copy(sigsuspend), visibility("default")));
