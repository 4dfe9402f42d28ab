// Waits whose timeout keeps its length although stops interrupt them (S32), and whose masks leave our signals alone.
//
// One loop: call the C library's function; if it says EINTR and only a stop was the cause (world/interrupt.h), call it
// again with what remains until the deadline. The first call gets the program's own arguments, so bad ones are judged
// by the kernel, and a timeout is only read after the kernel could read it. Always through the C library: all of these
// are cancellation points, and nothing has to be undone when a thread is cancelled in one.
//
// Not here: calls whose timeout is absolute and that the kernel restarts (mq_timedreceive, pthread_cond_timedwait).
// Known gap: socket calls with SO_RCVTIMEO or SO_SNDTIMEO start their timeout afresh (world/interrupt.c).
#include "base/clock.h"
#include "real.h"
#include "signal.h"
#include "world/interrupt.h"

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

enum { NS_PER_US = 1000, NS_PER_MS = 1000000, US_PER_S = 1000000, NS_PER_S = 1000000000 };

struct wait {
    struct interrupt outer;
    uint64_t start;
    struct timespec left;
    struct timeval left_micro;
    clockid_t clock;
};

static inline __attribute__((always_inline)) void wait_begin(struct wait *w, int number, const sigset_t *mask,
                                                             bool timed)
{
    w->outer = interrupt_begin(number, mask ? mask->__val[0] : INTERRUPT_OWN_MASK);
    w->clock = CLOCK_MONOTONIC;
    w->start = timed ? clock_ns() : 0;
}

// Whether the call has to be made again; error is its errno, or 0 if it succeeded. Leaves errno alone.
static bool wait_again(struct wait *w, int error)
{
    bool again = error == EINTR && interrupt_self.interrupted;
    interrupt_self.interrupted = 0;
    if (!again)
        interrupt_end(&w->outer);
    return again;
}

static const struct timespec *wait_left(struct wait *w, const struct timespec *whole)
{
    uint64_t spent = clock_ns_of(w->clock) - w->start;
    if (!whole)
        return NULL;
    w->left.tv_sec = whole->tv_sec - (time_t)(spent / NS_PER_S);
    w->left.tv_nsec = whole->tv_nsec - (long)(spent % NS_PER_S);
    if (w->left.tv_nsec < 0) {
        w->left.tv_nsec += NS_PER_S;
        w->left.tv_sec--;
    }
    if (w->left.tv_sec < 0)
        w->left = (struct timespec){0, 0};
    return &w->left;
}

// Rounded up: a poll of 1 ms never ends early.
static int wait_left_ms(struct wait *w, int whole)
{
    if (whole <= 0)
        return whole;
    const struct timespec ms = {whole / 1000, whole % 1000 * NS_PER_MS};
    const struct timespec *left = wait_left(w, &ms);
    return (int)(left->tv_sec * 1000 + (left->tv_nsec + NS_PER_MS - 1) / NS_PER_MS);
}

static int interrupted_by_held_signal(void)
{
    errno = EINTR;
    return -1;
}

// --- descriptors -------------------------------------------------------------------------------------------------

EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    static void *_Atomic cache;
    typeof(poll) *real = real_symbol(&cache, "poll");
    struct wait w;
    wait_begin(&w, SYS_poll, NULL, timeout > 0);
    for (int left = timeout;; left = wait_left_ms(&w, timeout)) {
        int ready = real(fds, count, left);
        if (!wait_again(&w, ready < 0 ? errno : 0))
            return ready;
    }
}

EXPORT int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    static void *_Atomic cache;
    typeof(ppoll) *real = real_symbol(&cache, "ppoll");
    struct wait w;
    sigset_t copy;
    if (signal_release(mask))
        return interrupted_by_held_signal();
    wait_begin(&w, SYS_ppoll, mask, timeout);
    for (const struct timespec *left = timeout;; left = wait_left(&w, timeout)) {
        int ready = real(fds, count, left, signal_kernel_set(mask, &copy));
        if (!wait_again(&w, ready < 0 ? errno : 0))
            return ready;
    }
}

// The names that _FORTIFY_SOURCE uses: __chk_fail is the C library's, so let it judge the size, then wait as above.
extern int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t bytes);
extern int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                       size_t bytes);

static bool fits(nfds_t count, size_t bytes) { return bytes / sizeof(struct pollfd) >= count; }

EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t bytes)
{
    static void *_Atomic cache;
    typeof(__poll_chk) *real = real_symbol(&cache, "__poll_chk");
    return fits(count, bytes) ? poll(fds, count, timeout) : real(fds, count, timeout, bytes);
}

EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                       size_t bytes)
{
    static void *_Atomic cache;
    typeof(__ppoll_chk) *real = real_symbol(&cache, "__ppoll_chk");
    return fits(count, bytes) ? ppoll(fds, count, timeout, mask) : real(fds, count, timeout, mask, bytes);
}

// Linux stores the time that remains in *timeout, whatever the result, so the whole is kept aside.
EXPORT int select(int count, fd_set *in, fd_set *out, fd_set *exceptional, struct timeval *timeout)
{
    static void *_Atomic cache;
    typeof(select) *real = real_symbol(&cache, "select");
    struct timespec whole = {0, 0};
    struct wait w;
    if (timeout) // normalised, as the C library does; it judges negative values itself
        whole = (struct timespec){timeout->tv_sec + timeout->tv_usec / US_PER_S,
                                  timeout->tv_usec % US_PER_S * NS_PER_US};
    wait_begin(&w, SYS_pselect6, NULL, timeout);
    for (;;) {
        int ready = real(count, in, out, exceptional, timeout);
        if (!wait_again(&w, ready < 0 ? errno : 0))
            return ready;
        if (timeout) {
            const struct timespec *left = wait_left(&w, &whole);
            *timeout = (struct timeval){left->tv_sec, left->tv_nsec / NS_PER_US};
        }
    }
}

EXPORT int pselect(int count, fd_set *in, fd_set *out, fd_set *exceptional, const struct timespec *timeout,
                   const sigset_t *mask)
{
    static void *_Atomic cache;
    typeof(pselect) *real = real_symbol(&cache, "pselect");
    struct wait w;
    sigset_t copy;
    if (signal_release(mask))
        return interrupted_by_held_signal();
    wait_begin(&w, SYS_pselect6, mask, timeout);
    for (const struct timespec *left = timeout;; left = wait_left(&w, timeout)) {
        int ready = real(count, in, out, exceptional, left, signal_kernel_set(mask, &copy));
        if (!wait_again(&w, ready < 0 ? errno : 0))
            return ready;
    }
}

EXPORT int epoll_wait(int epfd, struct epoll_event *events, int room, int timeout)
{
    static void *_Atomic cache;
    typeof(epoll_wait) *real = real_symbol(&cache, "epoll_wait");
    struct wait w;
    wait_begin(&w, SYS_epoll_wait, NULL, timeout > 0);
    for (int left = timeout;; left = wait_left_ms(&w, timeout)) {
        int ready = real(epfd, events, room, left);
        if (!wait_again(&w, ready < 0 ? errno : 0))
            return ready;
    }
}

EXPORT int epoll_pwait(int epfd, struct epoll_event *events, int room, int timeout, const sigset_t *mask)
{
    static void *_Atomic cache;
    typeof(epoll_pwait) *real = real_symbol(&cache, "epoll_pwait");
    struct wait w;
    sigset_t copy;
    if (signal_release(mask))
        return interrupted_by_held_signal();
    wait_begin(&w, SYS_epoll_pwait, mask, timeout > 0);
    for (int left = timeout;; left = wait_left_ms(&w, timeout)) {
        int ready = real(epfd, events, room, left, signal_kernel_set(mask, &copy));
        if (!wait_again(&w, ready < 0 ? errno : 0))
            return ready;
    }
}

EXPORT int epoll_pwait2(int epfd, struct epoll_event *events, int room, const struct timespec *timeout,
                        const sigset_t *mask)
{
    static void *_Atomic cache;
    typeof(epoll_pwait2) *real = real_symbol(&cache, "epoll_pwait2");
    struct wait w;
    sigset_t copy;
    if (signal_release(mask))
        return interrupted_by_held_signal();
    wait_begin(&w, SYS_epoll_pwait2, mask, timeout);
    for (const struct timespec *left = timeout;; left = wait_left(&w, timeout)) {
        int ready = real(epfd, events, room, left, signal_kernel_set(mask, &copy));
        if (!wait_again(&w, ready < 0 ? errno : 0))
            return ready;
    }
}

// --- sleep -------------------------------------------------------------------------------------------------------

// clock_nanosleep, and with it all the others. A relative time of the real-time clock is measured by the monotonic one.
static int sleep_for(clockid_t clock, int flags, const struct timespec *time, struct timespec *rest)
{
    static void *_Atomic cache;
    typeof(clock_nanosleep) *real = real_symbol(&cache, "clock_nanosleep");
    int error = errno;
    struct timespec unslept;
    struct wait w;
    wait_begin(&w, SYS_clock_nanosleep, NULL, false);
    w.clock = clock == CLOCK_REALTIME ? CLOCK_MONOTONIC : clock;
    w.start = clock_ns_of(w.clock);
    errno = error;
    for (const struct timespec *left = time;; left = flags & TIMER_ABSTIME ? time : wait_left(&w, time)) {
        int result = real(clock, flags, left, rest ? &unslept : NULL);
        if (wait_again(&w, result))
            continue;
        if (result == EINTR && rest && !(flags & TIMER_ABSTIME))
            *rest = unslept;
        return result;
    }
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
    struct wait w;
    sigset_t copy;
    if (signal_release(mask))
        return interrupted_by_held_signal();
    wait_begin(&w, SYS_rt_sigsuspend, mask, false);
    for (;;) {
        int result = real(signal_kernel_set(mask, &copy));
        if (!wait_again(&w, errno))
            return result;
    }
}

EXPORT int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict info,
                        const struct timespec *restrict timeout)
{
    static void *_Atomic cache;
    typeof(sigtimedwait) *real = real_symbol(&cache, "sigtimedwait");
    struct wait w;
    sigset_t copy;
    wait_begin(&w, SYS_rt_sigtimedwait, NULL, timeout);
    for (const struct timespec *left = timeout;; left = wait_left(&w, timeout)) {
        int signal = real(signal_kernel_set(set, &copy), info, left);
        if (!wait_again(&w, signal < 0 ? errno : 0))
            return signal;
    }
}

EXPORT int sigwaitinfo(const sigset_t *restrict set, siginfo_t *restrict info)
{
    return sigtimedwait(set, info, NULL);
}

EXPORT int semtimedop(int id, struct sembuf *operations, size_t count, const struct timespec *timeout)
{
    static void *_Atomic cache;
    typeof(semtimedop) *real = real_symbol(&cache, "semtimedop");
    struct wait w;
    wait_begin(&w, SYS_semtimedop, NULL, timeout);
    for (const struct timespec *left = timeout;; left = wait_left(&w, timeout)) {
        int result = real(id, operations, count, left);
        if (!wait_again(&w, result < 0 ? errno : 0))
            return result;
    }
}

// Absolute times: simply once more.
EXPORT int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until)
{
    static void *_Atomic cache;
    typeof(sem_timedwait) *real = real_symbol(&cache, "sem_timedwait");
    struct wait w;
    int result;
    wait_begin(&w, SYS_futex, NULL, false);
    do
        result = real(semaphore, until);
    while (wait_again(&w, result < 0 ? errno : 0));
    return result;
}

EXPORT int sem_clockwait(sem_t *restrict semaphore, clockid_t clock, const struct timespec *restrict until)
{
    static void *_Atomic cache;
    typeof(sem_clockwait) *real = real_symbol(&cache, "sem_clockwait");
    struct wait w;
    int result;
    wait_begin(&w, SYS_futex, NULL, false);
    do
        result = real(semaphore, clock, until);
    while (wait_again(&w, result < 0 ? errno : 0));
    return result;
}

// Second names that the C library exports.
extern typeof(poll) __poll __attribute__((alias("poll"), copy(poll), visibility("default")));
extern typeof(select) __select __attribute__((alias("select"), copy(select), visibility("default")));
extern typeof(nanosleep) __nanosleep
    __attribute__((alias("nanosleep"), copy(nanosleep), visibility("default")));
extern typeof(sigsuspend) __sigsuspend
    __attribute__((alias("sigsuspend"), copy(sigsuspend), visibility("default")));
