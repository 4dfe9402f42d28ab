// mprotect(2) on memory of the heap: the collector must neither read nor re-protect nor reclaim it (heap/guards.h, SOUNDNESS S19). And
// madvise(2), where it would take pages away from a child.
#include "guards.h"

#include "real.h"

#include "gc/collector.h"
#include "heap/guards.h"
#include "heap/heap.h"
#include "sys/syscall.h"
#include "world/kwrite.h"

#include <errno.h>
#include <sys/mman.h>

static void note(uintptr_t lo, uintptr_t hi, int prot)
{
    crit_enter();
    bool done = guards_note(lo, hi, prot);
    crit_leave();
    if (!done)
        collector_retire("no memory for the list of pages that the program protects");
}

static bool clip(uintptr_t *lo, uintptr_t *hi)
{
    uintptr_t top = cage_top();
    *lo = max_size(*lo, cage.base);
    *hi = min_size(align_up(*hi, PAGE_BYTES), top);
    return *lo < *hi && cage.bytes;
}

void guards_before_call(uintptr_t lo, uintptr_t hi, int prot)
{
    if (likely(!clip(&lo, &hi)))
        return;
    kwrite_exclude(lo, hi);
    if (!(prot & PROT_READ)) {
        note(lo, hi, prot);
        if (!crit_inside())
            collector_let_pass(); // U1
    }
}

void guards_after_call(uintptr_t lo, uintptr_t hi, int prot, long result)
{
    int error = errno;
    if (unlikely(clip(&lo, &hi)) && result == 0 && (prot & PROT_READ))
        note(lo, hi, prot);
    errno = error;
}

// Memory for a device (libibverbs advises so) shall not be copied when the parent writes it. For that the child need not go without, where
// its collector would fault.
int guards_advice(uintptr_t lo, uintptr_t hi, int advice)
{
    bool ours = lo < hi && cage_contains(lo) && hi <= cage_top();
    return !ours                     ? advice
           : advice == MADV_DONTFORK ? MADV_WIPEONFORK
           : advice == MADV_DOFORK   ? MADV_KEEPONFORK
                                     : advice;
}

// Other allocators call it where no symbol may be looked up.
EXPORT int madvise(void *start, size_t bytes, int advice)
{
    uintptr_t lo = (uintptr_t)start;
    long result = sys_call_plain(SYS_madvise, (long)start, (long)bytes, guards_advice(lo, lo + bytes, advice),
                                 0, 0, 0);
    if (!sys_failed(result))
        return 0;
    errno = (int)-result;
    return -1;
}

EXPORT int mprotect(void *start, size_t bytes, int prot)
{
    static void *_Atomic cache;
    typeof(mprotect) *real = real_symbol(&cache, "mprotect");
    uintptr_t lo = (uintptr_t)start, hi = lo + bytes;
    guards_before_call(lo, hi, prot);
    int result = real(start, bytes, prot);
    guards_after_call(lo, hi, prot, result);
    return result;
}

// A key may take the access away that prot gives: the thread's own matter, and the collector's too once it reads there.
EXPORT int pkey_mprotect(void *start, size_t bytes, int prot, int key)
{
    static void *_Atomic cache;
    typeof(pkey_mprotect) *real = real_symbol(&cache, "pkey_mprotect");
    uintptr_t lo = (uintptr_t)start, hi = lo + bytes;
    int seen = key > 0 ? PROT_NONE : prot;
    guards_before_call(lo, hi, seen);
    int result = real(start, bytes, prot, key);
    guards_after_call(lo, hi, seen, result);
    return result;
}
