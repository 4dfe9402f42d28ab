#include "heap/special.h"

#include "base/log.h"
#include "base/meta.h"
#include "heap/heap.h"
#include "heap/quarantine.h"
#include "sys/syscall.h"

#include <errno.h>

enum { UNITS_PER_COMMIT = 4096, ROOTS_PER_MAPPING = 4096 };

_Atomic bool specials_some;
_Atomic uint32_t specials_bell;

struct lock specials_guard = LOCK_INIT(LOCK_RANK_SPECIALS);
static struct special *_Atomic *lists; // per unit; committed up to units_ready
static size_t units_ready;
static struct special *unused, *due, **due_end = &due;
static uint64_t serials, calls, came_due; // ever; cleanups and finalizers now; ever
static void **roots,
    **free_root; // W3: the next ones that nobody ever had, and how many; one that was given back
static size_t roots_left;

// --- records ------------------------------------------------------------------------------------------------

static bool make_ready_locked(size_t unit)
{
    size_t all = cage.bytes >> UNIT_SHIFT;
    if (!lists && !(lists = meta_reserve(all * sizeof lists[0])))
        return false;
    size_t end = min_size(align_up(unit + 1, UNITS_PER_COMMIT), all);
    if (end > units_ready) {
        if (!meta_commit((void *)&lists[units_ready], (end - units_ready) * sizeof lists[0]))
            return false;
        __atomic_store_n(&units_ready, end, __ATOMIC_RELEASE);
    }
    return true;
}

// A place that is a root (W3). NULL: no memory. Those that were given back are a list through themselves.
static void **new_root_locked(void *value)
{
    void **place = free_root;
    if (place) {
        free_root = (void **)*place;
    } else if (!roots_left) {
        void *more = sys_mmap(NULL, ROOTS_PER_MAPPING * sizeof roots[0], PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (sys_failed((long)more))
            return NULL;
        roots = more;
        roots_left = ROOTS_PER_MAPPING;
    }
    if (!place) {
        place = roots++;
        roots_left--;
    }
    *place = value;
    return place;
}

// What it held.
static void *take_root_locked(void **place)
{
    if (!place)
        return NULL;
    void *value = *place;
    *place = free_root;
    free_root = place;
    return value;
}

static struct special *take_record_locked(void)
{
    struct special *s = unused;
    if (s)
        unused = s->next;
    else
        s = meta_alloc(sizeof *s);
    return s;
}

static void give_record_locked(struct special *s)
{
    calls -= s->kind != SPECIAL_WEAK;
    take_root_locked(s->arg);
    *s = (struct special){.next = unused};
    unused = s;
}

// --- lists --------------------------------------------------------------------------------------------------

static bool attach_locked(struct special *s, const struct heap_block *b)
{
    size_t unit = cage_unit(b->base);
    if (!make_ready_locked(unit))
        return false;
    s->base = b->base;
    s->next = lists[unit];
    atomic_store(&lists[unit], s);
    atomic_store(&specials_some, true);
    if (b->kind == HEAP_SMALL)
        atomic_fetch_or(&cage.units[unit], UNIT_WATCHED); // W2
    return true;
}

static void detach_locked(struct special *s)
{
    size_t unit = cage_unit(s->base);
    struct special *before = lists[unit];
    if (before == s)
        atomic_store(&lists[unit], s->next);
    while (before != s && before->next != s)
        before = before->next;
    if (before != s)
        before->next = s->next;
    if (s->kind == SPECIAL_FINALIZER)
        finalizer_remove_locked(s);
    s->base = 0;
}

static void make_due_locked(struct special *s)
{
    s->next = NULL;
    *due_end = s;
    due_end = &s->next;
    came_due++;
}

// Whether anything is attached to blocks that begin in this unit. Beside others it may be out of date, but not for the caller's own block.
static bool has_any(size_t unit)
{
    return atomic_load_explicit(&specials_some, memory_order_relaxed) &&
           unit < __atomic_load_n(&units_ready, __ATOMIC_ACQUIRE) && atomic_load(&lists[unit]);
}

// What happens to a record whose block is condemned, given back, or freed.
enum fate { CONDEMNED, DEAD, FREED };

// Of which blocks: slots of a span, or the one at base.
struct doomed {
    const struct span *span; // NULL: base
    uint64_t *slots;
    uintptr_t base;
};

static bool is_among(const struct doomed *d, const struct special *s)
{
    if (!d->span)
        return s->base == d->base;
    unsigned slot = slot_of(&class_table[span_bin(d->span)], (uint32_t)(s->base - span_base(d->span)));
    return d->slots[slot / 64] >> slot % 64 & 1;
}

static void spare(struct doomed *d, const struct special *s)
{
    if (!d->span) {
        d->base = 0;
        return;
    }
    unsigned slot = slot_of(&class_table[span_bin(d->span)], (uint32_t)(s->base - span_base(d->span)));
    d->slots[slot / 64] &= ~(1UL << slot % 64);
}

// W5: the blocks with finalizers are none of the dead any more. Without memory for a root the next cycle finds them once more.
static void revive_locked(size_t unit, struct doomed *d)
{
    struct special *next;
    for (struct special *s = lists[unit]; s; s = next) {
        next = s->next;
        if (s->kind != SPECIAL_FINALIZER || !is_among(d, s))
            continue;
        spare(d, s);
        void **place = new_root_locked((void *)atomic_load(&s->pointer));
        if (!place)
            continue;
        detach_locked(s);
        s->block = place;
        make_due_locked(s);
    }
}

static void meet_locked(struct special *s, enum fate fate)
{
    if (s->kind == SPECIAL_WEAK) {
        detach_locked(s);
        atomic_store(&s->pointer, 0); // W1
    } else if (fate != CONDEMNED) {
        detach_locked(s);
        (fate == DEAD ? make_due_locked : give_record_locked)(s);
    }
}

static void meet_all_locked(size_t unit, const struct doomed *d, enum fate fate)
{
    struct special *next;
    for (struct special *s = lists[unit]; s; s = next) {
        next = s->next;
        if (is_among(d, s))
            meet_locked(s, fate);
    }
}

static void ring(void)
{
    atomic_fetch_add(&specials_bell, 1);
    sys_futex_wake(&specials_bell, 1);
}

static void meet(size_t unit, struct doomed *d, enum fate fate)
{
    if (!has_any(unit))
        return;
    lock_acquire(&specials_guard);
    uint64_t before = came_due;
    if (fate == DEAD)
        revive_locked(unit, d);
    meet_all_locked(unit, d, fate);
    bool more = came_due != before;
    lock_release(&specials_guard);
    if (more)
        ring();
}

static void meet_slots(const struct span *s, uint64_t *slots, enum fate fate)
{
    meet((size_t)(s - cage.spans), &(struct doomed){.span = s, .slots = slots}, fate);
}

// Whether it is among the dead still.
static bool meet_block(uintptr_t base, enum fate fate)
{
    struct doomed d = {.base = base};
    meet(cage_unit(base), &d, fate);
    return d.base;
}

void specials_condemn(const struct span *s, uint64_t *dead) { meet_slots(s, dead, CONDEMNED); }

void specials_die(const struct span *s, uint64_t *dead) { meet_slots(s, dead, DEAD); }

void specials_unwatch(const struct span *s)
{
    size_t unit = (size_t)(s - cage.spans);
    if (!(atomic_load(&cage.units[unit]) & UNIT_WATCHED))
        return;
    lock_acquire(&specials_guard);
    if (!has_any(unit))
        atomic_fetch_and(&cage.units[unit], ~UNIT_WATCHED);
    lock_release(&specials_guard);
}

void specials_condemn_large(uintptr_t base) { meet_block(base, CONDEMNED); }

bool specials_die_large(uintptr_t base) { return meet_block(base, DEAD); }

void specials_free(uintptr_t base)
{
    if (!has_any(cage_unit(base)))
        return;
    crit_enter();
    meet_block(base, FREED);
    crit_leave();
}

// --- weak references ----------------------------------------------------------------------------------------

struct special *special_weak(const void *p)
{
    crit_enter();
    struct heap_block b = heap_find((uintptr_t)p);
    bool is_stale = b.kind != HEAP_FOREIGN && (!b.allocated || quarantine_has(&b));
    lock_acquire(&specials_guard);
    struct special *s = take_record_locked();
    if (s && b.kind != HEAP_FOREIGN && !is_stale && !attach_locked(s, &b)) {
        give_record_locked(s);
        s = NULL;
    }
    if (s)
        atomic_store(&s->pointer, is_stale ? 0 : (uintptr_t)p);
    lock_release(&specials_guard);
    crit_leave();
    return s;
}

// So that the last stop's verdict about this block has come to its records.
static void await_verdict(uintptr_t address)
{
    struct heap_block b = heap_find(address);
    if (b.kind == HEAP_SMALL && b.allocated)
        span_ready(&cage.spans[cage_unit(address)]);
    else if (b.kind == HEAP_LARGE && b.id)
        large_condemn(b.id);
}

void *special_get(struct special *weak)
{
    crit_enter();
    uintptr_t pointer = atomic_load(&weak->pointer);
    if (pointer) {
        await_verdict(pointer);
        pointer = atomic_load(&weak->pointer);
    }
    crit_leave();
    return (void *)pointer;
}

void special_free(struct special *weak)
{
    crit_enter();
    lock_acquire(&specials_guard);
    if (weak->base)
        detach_locked(weak);
    give_record_locked(weak);
    lock_release(&specials_guard);
    crit_leave();
}

// --- cleanups and finalizers ----------------------------------------------------------------------------------

// Something can be attached to this block, with this argument, which must not keep it alive.
static bool may_attach(const struct heap_block *b, const void *arg)
{
    return b->allocated && !quarantine_has(b) && (uintptr_t)arg - b->base >= b->bytes;
}

// NULL: no memory.
static struct special *new_call_locked(const struct heap_block *b, enum special_kind kind, void *arg)
{
    struct special *s = take_record_locked();
    if (!s)
        return NULL;
    if ((arg && !(s->arg = new_root_locked(arg))) || !attach_locked(s, b)) {
        give_record_locked(s);
        return NULL;
    }
    calls++;
    s->kind = kind;
    return s;
}

struct special *special_cleanup(const void *p, void (*call)(void *arg), void *arg, uint64_t *serial)
{
    crit_enter();
    struct heap_block b = heap_find((uintptr_t)p);
    struct special *s = NULL;
    if (may_attach(&b, arg)) {
        lock_acquire(&specials_guard);
        s = new_call_locked(&b, SPECIAL_CLEANUP, arg);
        if (s) {
            s->clean = call;
            s->serial = *serial = ++serials;
        }
        lock_release(&specials_guard);
    }
    crit_leave();
    return s;
}

bool special_stop(struct special *cleanup, uint64_t serial)
{
    crit_enter();
    lock_acquire(&specials_guard);
    bool is_attached = cleanup->serial == serial && cleanup->base;
    if (is_attached) {
        detach_locked(cleanup);
        give_record_locked(cleanup);
    }
    lock_release(&specials_guard);
    crit_leave();
    return is_attached;
}

static struct special *finalizer_of_locked(uintptr_t base)
{
    struct special *s = has_any(cage_unit(base)) ? lists[cage_unit(base)] : NULL;
    while (s && !(s->kind == SPECIAL_FINALIZER && s->base == base))
        s = s->next;
    return s;
}

static int set_finalizer_locked(const struct heap_block *b, const void *p,
                                void (*finalize)(void *block, void *arg), void *arg)
{
    if (finalizer_of_locked(b->base))
        return EEXIST;
    struct special *s = new_call_locked(b, SPECIAL_FINALIZER, arg);
    if (!s)
        return ENOMEM;
    s->finalize = finalize;
    atomic_store(&s->pointer, (uintptr_t)p);
    finalizer_add_locked(s);
    return 0;
}

static int unset_finalizer_locked(const struct heap_block *b)
{
    struct special *s = finalizer_of_locked(b->base);
    if (s) {
        detach_locked(s);
        give_record_locked(s);
    }
    return 0;
}

int special_finalizer(const void *p, void (*finalize)(void *block, void *arg), void *arg)
{
    crit_enter();
    struct heap_block b = heap_find((uintptr_t)p);
    int problem = EINVAL;
    if (may_attach(&b, arg)) {
        lock_acquire(&specials_guard);
        problem = finalize ? set_finalizer_locked(&b, p, finalize, arg) : unset_finalizer_locked(&b);
        lock_release(&specials_guard);
        if (!problem)
            note_finalizer(&b, finalize);
    }
    crit_leave();
    return problem;
}

// The caller has what were roots.
static struct special_call call_of_locked(struct special *s)
{
    struct special_call call = {.arg = take_root_locked(s->arg)};
    s->arg = NULL;
    if (s->kind == SPECIAL_FINALIZER) {
        call.finalize = s->finalize;
        call.block = take_root_locked(s->block);
    } else {
        call.clean = s->clean;
    }
    return call;
}

bool special_take_due(struct special_call *taken)
{
    crit_enter();
    lock_acquire(&specials_guard);
    struct special *s = due;
    if (s) {
        due = s->next;
        if (!due)
            due_end = &due;
        *taken = call_of_locked(s);
        give_record_locked(s);
    }
    lock_release(&specials_guard);
    crit_leave();
    return s;
}

bool special_has_calls(void) { return __atomic_load_n(&calls, __ATOMIC_RELAXED); }

void specials_fork_prepare(void) { lock_acquire(&specials_guard); }

void specials_fork_done(void) { lock_release(&specials_guard); }
