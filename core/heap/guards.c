#include "heap/guards.h"

#include "base/bits.h"
#include "base/lock.h"
#include "base/meta.h"
#include "sys/syscall.h"

#include <string.h>
#include <sys/mman.h>

struct guard {
    uintptr_t lo, hi;
    bool readable;
};

_Atomic bool guards_some;

static struct lock lock = LOCK_INIT(LOCK_RANK_GUARDS);
static struct guard *list; // ascending, without overlaps
static size_t count, room;

// The first range that ends behind an address.
static size_t first_behind(uintptr_t address)
{
    size_t lo = 0, hi = count;
    while (lo < hi) {
        size_t middle = (lo + hi) / 2;
        if (list[middle].hi > address)
            hi = middle;
        else
            lo = middle + 1;
    }
    return lo;
}

static bool make_room(size_t more)
{
    if (count + more <= room)
        return true;
    size_t wanted = room ? 2 * room : PAGE_BYTES / sizeof list[0];
    struct guard *bigger = meta_map(wanted * sizeof list[0]);
    if (!bigger)
        return false;
    if (list) {
        memcpy(bigger, list, count * sizeof list[0]);
        meta_unmap(list, room * sizeof list[0]);
    }
    list = bigger;
    room = wanted;
    return true;
}

static bool note_locked(uintptr_t lo, uintptr_t hi, int prot)
{
    struct guard parts[3];
    size_t n = 0, from = first_behind(lo), to = from;
    while (to < count && list[to].lo < hi)
        to++;
    if (!make_room(2))
        return false;
    if (from < to && list[from].lo < lo)
        parts[n++] = (struct guard){list[from].lo, lo, list[from].readable};
    if ((prot & (PROT_READ | PROT_WRITE)) != (PROT_READ | PROT_WRITE))
        parts[n++] = (struct guard){lo, hi, prot & PROT_READ};
    if (from < to && list[to - 1].hi > hi)
        parts[n++] = (struct guard){hi, list[to - 1].hi, list[to - 1].readable};
    memmove(&list[from + n], &list[to], (count - to) * sizeof list[0]);
    memcpy(&list[from], parts, n * sizeof list[0]);
    count = count - (to - from) + n;
    return true;
}

bool guards_note(uintptr_t lo, uintptr_t hi, int prot)
{
    bool restricts = (prot & (PROT_READ | PROT_WRITE)) != (PROT_READ | PROT_WRITE);
    if (!restricts && !atomic_load(&guards_some))
        return true;
    lock_acquire(&lock);
    bool done = note_locked(lo, hi, prot);
    atomic_store(&guards_some, true);
    lock_release(&lock);
    return done;
}

bool guards_next_readable(uintptr_t *at, uintptr_t end, uintptr_t *part_end)
{
    *part_end = end;
    lock_acquire(&lock);
    for (size_t i = first_behind(*at); i < count && list[i].lo < end; i++) {
        if (list[i].readable)
            continue;
        if (list[i].lo > *at) {
            *part_end = list[i].lo;
            break;
        }
        *at = list[i].hi;
    }
    lock_release(&lock);
    return *at < end;
}

bool guards_touch(uintptr_t lo, uintptr_t hi)
{
    lock_acquire(&lock);
    size_t at = first_behind(lo);
    bool touches = at < count && list[at].lo < hi;
    lock_release(&lock);
    return touches;
}

void guards_each(void (*visit)(uintptr_t lo, uintptr_t hi, bool readable))
{
    uintptr_t at = 0;
    for (;;) { // visit may take other locks
        struct guard next = {0};
        lock_acquire(&lock);
        size_t i = first_behind(at);
        if (i < count)
            next = list[i];
        lock_release(&lock);
        if (!next.hi)
            return;
        visit(next.lo, next.hi, next.readable);
        at = next.hi;
    }
}

// Only what the program protected: what lies between may be write-protected by the barrier, which would miss what is stored there.
void guards_lift(uintptr_t lo, uintptr_t hi)
{
    lock_acquire(&lock);
    size_t from = first_behind(lo), at = from;
    for (; at < count && list[at].lo < hi; at++) {
        uintptr_t start = max_size(list[at].lo, lo), end = min_size(list[at].hi, hi);
        sys_mprotect((void *)start, end - start, PROT_READ | PROT_WRITE);
    }
    if (at > from)
        note_locked(lo, hi, PROT_READ | PROT_WRITE);
    lock_release(&lock);
}

void guards_fork_prepare(void) { lock_acquire(&lock); }

void guards_fork_done(void) { lock_release(&lock); }
