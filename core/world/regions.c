#include "world/regions.h"

#include "base/bits.h"
#include "base/crit.h"
#include "base/lock.h"
#include "base/meta.h"

#include <string.h>

struct region {
    uintptr_t lo, hi;
    size_t times; // that it was added
};

static struct lock guard = LOCK_INIT(LOCK_RANK_REGIONS);
static struct region *list; // ascending
static size_t count, room;

static bool is_before(const struct region *r, uintptr_t lo, uintptr_t hi)
{
    return r->lo < lo || (r->lo == lo && r->hi < hi);
}

// The first that is not before this one.
static size_t place_of(uintptr_t lo, uintptr_t hi)
{
    size_t from = 0, to = count;
    while (from < to) {
        size_t middle = (from + to) / 2;
        if (is_before(&list[middle], lo, hi))
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static struct region *find(uintptr_t lo, uintptr_t hi)
{
    size_t at = place_of(lo, hi);
    return at < count && list[at].lo == lo && list[at].hi == hi ? &list[at] : NULL;
}

static bool make_room(void)
{
    size_t wanted = room ? 2 * room : PAGE_BYTES / sizeof list[0];
    struct region *bigger = count < room ? list : meta_map(wanted * sizeof list[0]);
    if (!bigger || bigger == list)
        return bigger;
    if (list) {
        memcpy(bigger, list, count * sizeof list[0]);
        meta_unmap(list, room * sizeof list[0]);
    }
    list = bigger;
    room = wanted;
    return true;
}

static bool add_locked(uintptr_t lo, uintptr_t hi)
{
    struct region *known = find(lo, hi);
    if (!known && !make_room())
        return false;
    if (!known) {
        size_t at = place_of(lo, hi);
        memmove(&list[at + 1], &list[at], (count++ - at) * sizeof list[0]);
        known = &list[at];
        *known = (struct region){lo, hi, 0};
    }
    known->times++;
    return true;
}

static bool remove_locked(uintptr_t lo, uintptr_t hi)
{
    struct region *known = find(lo, hi);
    if (known && --known->times == 0)
        memmove(known, known + 1, (size_t)(&list[count--] - (known + 1)) * sizeof list[0]);
    return known;
}

static bool change(bool (*locked)(uintptr_t lo, uintptr_t hi), uintptr_t lo, uintptr_t hi)
{
    crit_enter();
    lock_acquire(&guard);
    bool done = locked(lo, hi);
    lock_release(&guard);
    crit_leave();
    return done;
}

bool regions_add(uintptr_t lo, uintptr_t hi) { return change(add_locked, lo, hi); }

bool regions_remove(uintptr_t lo, uintptr_t hi) { return change(remove_locked, lo, hi); }

void regions_each(void (*visit)(uintptr_t lo, uintptr_t hi))
{
    struct region next = {0};
    for (;;) { // reading one may take long: not under the lock
        lock_acquire(&guard);
        size_t at = place_of(next.lo, next.hi + 1);
        bool more = at < count;
        if (more)
            next = list[at];
        lock_release(&guard);
        if (!more)
            return;
        visit(next.lo, next.hi);
    }
}

void regions_fork_prepare(void) { lock_acquire(&guard); }

void regions_fork_done(void) { lock_release(&guard); }
