#include "heap/special.h"

#include "base/log.h"
#include "base/meta.h"
#include "heap/heap.h"
#include "heap/quarantine.h"
#include "sys/syscall.h"

enum { UNITS_PER_COMMIT = 4096, ARGS_PER_MAPPING = 4096 };

_Atomic bool specials_some;
_Atomic uint32_t specials_bell;

static struct lock guard = LOCK_INIT(LOCK_RANK_SPECIALS);
static struct special *_Atomic *lists; // per unit; committed up to units_ready
static size_t units_ready;
static struct special *unused, *due, **due_end = &due;
static uint64_t serials, cleanups, came_due; // ever; now; ever
static void **args;                          // roots: the next ones that nobody has, and how many
static size_t args_left;

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

// A place for an argument stays its record's.
static void **new_arg_locked(void)
{
    if (!args_left) {
        void *more = sys_mmap(NULL, ARGS_PER_MAPPING * sizeof args[0], PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (sys_failed((long)more))
            return NULL;
        args = more;
        args_left = ARGS_PER_MAPPING;
    }
    args_left--;
    return args++;
}

static struct special *take_record_locked(void)
{
    struct special *s = unused;
    if (s) {
        unused = s->next;
        return s;
    }
    void **arg = new_arg_locked();
    s = arg ? meta_alloc(sizeof *s) : NULL;
    if (s)
        s->arg = arg;
    return s;
}

static void give_record_locked(struct special *s)
{
    cleanups -= s->serial != 0;
    s->serial = 0;
    s->base = 0;
    s->call = NULL;
    *s->arg = NULL;
    atomic_store(&s->pointer, 0);
    s->next = unused;
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

static void meet_locked(struct special *s, enum fate fate)
{
    if (!s->serial) {
        detach_locked(s);
        atomic_store(&s->pointer, 0); // W1
    } else if (fate != CONDEMNED) {
        detach_locked(s);
        (fate == DEAD ? make_due_locked : give_record_locked)(s);
    }
}

static bool is_dead(const struct span *span, const uint64_t *dead, uintptr_t base)
{
    unsigned slot = slot_of(&class_table[span_bin(span)], (uint32_t)(base - span_base(span)));
    return dead[slot / 64] >> slot % 64 & 1;
}

static void ring(void)
{
    atomic_fetch_add(&specials_bell, 1);
    sys_futex_wake(&specials_bell, 1);
}

static void each_dead(const struct span *span, const uint64_t *dead, enum fate fate)
{
    size_t unit = (size_t)(span - cage.spans);
    struct special *next;
    if (!has_any(unit))
        return;
    lock_acquire(&guard);
    uint64_t before = came_due;
    for (struct special *s = lists[unit]; s; s = next) {
        next = s->next;
        if (is_dead(span, dead, s->base))
            meet_locked(s, fate);
    }
    bool more = came_due != before;
    lock_release(&guard);
    if (more)
        ring();
}

static void each_of(uintptr_t base, enum fate fate)
{
    struct special *next;
    if (!has_any(cage_unit(base)))
        return;
    lock_acquire(&guard);
    uint64_t before = came_due;
    for (struct special *s = lists[cage_unit(base)]; s; s = next) {
        next = s->next;
        if (s->base == base)
            meet_locked(s, fate);
    }
    bool more = came_due != before;
    lock_release(&guard);
    if (more)
        ring();
}

void specials_condemn(const struct span *s, const uint64_t *dead) { each_dead(s, dead, CONDEMNED); }

void specials_die(const struct span *s, const uint64_t *dead) { each_dead(s, dead, DEAD); }

void specials_unwatch(const struct span *s)
{
    size_t unit = (size_t)(s - cage.spans);
    if (!(atomic_load(&cage.units[unit]) & UNIT_WATCHED))
        return;
    lock_acquire(&guard);
    if (!has_any(unit))
        atomic_fetch_and(&cage.units[unit], ~UNIT_WATCHED);
    lock_release(&guard);
}

void specials_condemn_large(uintptr_t base) { each_of(base, CONDEMNED); }

void specials_die_large(uintptr_t base) { each_of(base, DEAD); }

void specials_free(uintptr_t base)
{
    if (!has_any(cage_unit(base)))
        return;
    crit_enter();
    each_of(base, FREED);
    crit_leave();
}

// --- weak references ----------------------------------------------------------------------------------------

struct special *special_weak(const void *p)
{
    crit_enter();
    struct heap_block b = heap_find((uintptr_t)p);
    bool is_stale = b.kind != HEAP_FOREIGN && (!b.allocated || quarantine_has(&b));
    lock_acquire(&guard);
    struct special *s = take_record_locked();
    if (s && b.kind != HEAP_FOREIGN && !is_stale && !attach_locked(s, &b)) {
        give_record_locked(s);
        s = NULL;
    }
    if (s)
        atomic_store(&s->pointer, is_stale ? 0 : (uintptr_t)p);
    lock_release(&guard);
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
    lock_acquire(&guard);
    if (weak->base)
        detach_locked(weak);
    give_record_locked(weak);
    lock_release(&guard);
    crit_leave();
}

// --- cleanups -----------------------------------------------------------------------------------------------

static struct special *new_cleanup_locked(const struct heap_block *b, void (*call)(void *arg), void *arg)
{
    struct special *s = take_record_locked();
    if (!s)
        return NULL;
    if (!attach_locked(s, b)) {
        give_record_locked(s);
        return NULL;
    }
    cleanups++;
    s->serial = ++serials;
    s->call = call;
    *s->arg = arg;
    return s;
}

struct special *special_cleanup(const void *p, void (*call)(void *arg), void *arg, uint64_t *serial)
{
    crit_enter();
    struct heap_block b = heap_find((uintptr_t)p);
    struct special *s = NULL;
    if (b.allocated && !quarantine_has(&b) && (uintptr_t)arg - b.base >= b.bytes) {
        lock_acquire(&guard);
        s = new_cleanup_locked(&b, call, arg);
        *serial = serials;
        lock_release(&guard);
    }
    crit_leave();
    return s;
}

bool special_stop(struct special *cleanup, uint64_t serial)
{
    crit_enter();
    lock_acquire(&guard);
    bool is_attached = cleanup->serial == serial && cleanup->base;
    if (is_attached) {
        detach_locked(cleanup);
        give_record_locked(cleanup);
    }
    lock_release(&guard);
    crit_leave();
    return is_attached;
}

bool special_take_due(void (**call)(void *arg), void **arg)
{
    crit_enter();
    lock_acquire(&guard);
    struct special *s = due;
    if (s) {
        due = s->next;
        if (!due)
            due_end = &due;
        *call = s->call;
        *arg = *s->arg;
        give_record_locked(s);
    }
    lock_release(&guard);
    crit_leave();
    return s;
}

bool special_has_cleanups(void) { return __atomic_load_n(&cleanups, __ATOMIC_RELAXED); }

void specials_fork_prepare(void) { lock_acquire(&guard); }

void specials_fork_done(void) { lock_release(&guard); }
