// Threads that are joined or detached: none of the leaked ones (leak/unjoined.h).
//
// J1. Each calls the C library's function once, with what it was given, and gives what that gave: a cancellation point stays one, and a
//     thread cancelled in it has joined nobody, here as there.
// J2. A pthread_t is another thread's as soon as its own was joined, so the record is looked up before; and once more afterwards when the
//     thread had not begun. (What pthread_create stored is not looked at: the thread may have freed the memory that it stored it in.)
#include "boot.h"
#include "real.h"

#include "leak/unjoined.h"

#include <pthread.h>
#include <threads.h>

static int forget_if_done(uintptr_t thread, int error, struct unjoined_ticket ticket)
{
    if (!error)
        unjoined_forget(ticket.record ? ticket : unjoined_find(thread));
    return error;
}

EXPORT int pthread_join(pthread_t thread, void **result)
{
    static void *_Atomic cache;
    typeof(pthread_join) *real = real_symbol(&cache, "pthread_join");
    struct unjoined_ticket ticket = unjoined_find((uintptr_t)thread);
    return forget_if_done((uintptr_t)thread, real(thread, result), ticket);
}

EXPORT int pthread_tryjoin_np(pthread_t thread, void **result)
{
    static void *_Atomic cache;
    typeof(pthread_tryjoin_np) *real = real_symbol(&cache, "pthread_tryjoin_np");
    struct unjoined_ticket ticket = unjoined_find((uintptr_t)thread);
    return forget_if_done((uintptr_t)thread, real(thread, result), ticket);
}

EXPORT int pthread_timedjoin_np(pthread_t thread, void **result, const struct timespec *until)
{
    static void *_Atomic cache;
    typeof(pthread_timedjoin_np) *real = real_symbol(&cache, "pthread_timedjoin_np");
    struct unjoined_ticket ticket = unjoined_find((uintptr_t)thread);
    return forget_if_done((uintptr_t)thread, real(thread, result, until), ticket);
}

EXPORT int pthread_clockjoin_np(pthread_t thread, void **result, clockid_t clock,
                                const struct timespec *until)
{
    static void *_Atomic cache;
    typeof(pthread_clockjoin_np) *real = real_symbol(&cache, "pthread_clockjoin_np");
    struct unjoined_ticket ticket = unjoined_find((uintptr_t)thread);
    return forget_if_done((uintptr_t)thread, real(thread, result, clock, until), ticket);
}

EXPORT int pthread_detach(pthread_t thread)
{
    static void *_Atomic cache;
    typeof(pthread_detach) *real = real_symbol(&cache, "pthread_detach");
    struct unjoined_ticket ticket = unjoined_find((uintptr_t)thread);
    return forget_if_done((uintptr_t)thread, real(thread), ticket);
}

// A library of the program's may have its own of these (TinyCThread), over pthreads: none of our business.
EXPORT int thrd_join(thrd_t thread, int *result)
{
    static void *_Atomic cache;
    typeof(thrd_join) *real = real_symbol(&cache, "thrd_join");
    if (!code_contains(&boot_libc, (const void *)real))
        return real(thread, result);
    struct unjoined_ticket ticket = unjoined_find((uintptr_t)thread);
    return forget_if_done((uintptr_t)thread, real(thread, result), ticket);
}

EXPORT int thrd_detach(thrd_t thread)
{
    static void *_Atomic cache;
    typeof(thrd_detach) *real = real_symbol(&cache, "thrd_detach");
    if (!code_contains(&boot_libc, (const void *)real))
        return real(thread);
    struct unjoined_ticket ticket = unjoined_find((uintptr_t)thread);
    return forget_if_done((uintptr_t)thread, real(thread), ticket);
}
