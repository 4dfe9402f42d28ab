#include "heap/quarantine.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/meta.h"
#include "heap/guards.h"
#include "heap/heap.h"
#include "heap/misuse.h"
#include "heap/trail.h"
#include "sys/syscall.h"

#include <string.h>
#include <sys/mman.h>

enum { UNITS_PER_COMMIT = 256 };
enum { EMPTIED = 256 };        // the largest slot that is emptied: Q3
#define GIVEN_BACK (512 * KIB) // the smallest block whose pages are given back, and that is sealed
#define SETTLE     (64 * KIB)  // that a thread holds back before it says so
#define LITTLE     (4 * MIB)   // a smaller rest of the heap counts as this
enum { SHARE_LEAST = 4, SHARE_MOST = 16, SHARE_PARTS = 16, SEALED_MOST = 4096 };

bool quarantine_on, quarantine_ignores;
_Atomic bool quarantine_holds;
static _Atomic uint64_t (*signs)[WORDS_PER_SPAN]; // per unit, a bit a slot (Q1); committed up to units_ready
static _Atomic size_t units_ready;
static struct lock guard = LOCK_INIT(LOCK_RANK_GUARDS);
static _Atomic int64_t held_bytes;      // settled (Q6)
static _Atomic uint64_t held_total;     // ever, settled
static uint64_t held_before;            // when the cycle began (collector)
static _Atomic size_t stuck_bytes;      // that the last cycle found pointers to (Q7)
static __thread size_t unsettled_bytes; // by this thread
static _Atomic uint32_t sealed_count;
static _Atomic uint32_t share = SHARE_LEAST; // of the rest of the heap that may be held back, in SHARE_PARTS
static uint64_t cycle_ended_ns;

void quarantine_boot(bool ignore)
{
    size_t units = (cage_top() - cage.base) >> UNIT_SHIFT;
    quarantine_ignores = ignore;
    signs = meta_reserve((cage.bytes >> UNIT_SHIFT) * sizeof signs[0]);
    if (!signs) {
        log_line("no address space for the quarantine's table: free() frees at once");
        return;
    }
    quarantine_on = true;
    atomic_store(&quarantine_holds, !ignore);
    for (size_t unit = 0; unit < units; unit++)
        if (cage.units[unit])
            atomic_fetch_or(&cage.units[unit], UNIT_WATCHED); // Q2; later spans are born so
}

void quarantine_end(void)
{
    if (atomic_exchange(&quarantine_holds, false))
        log_line("no quarantine without cycles: free() frees at once from now on");
}

static bool make_ready(size_t unit)
{
    lock_acquire(&guard);
    size_t ready = units_ready,
           end = min_size(align_up(unit + 1, UNITS_PER_COMMIT), cage.bytes >> UNIT_SHIFT);
    bool done = unit < ready || meta_commit(&signs[ready], (end - ready) * sizeof signs[0]);
    if (done && unit >= ready)
        atomic_store(&units_ready, end);
    lock_release(&guard);
    return done;
}

static bool is_ready(size_t unit) { return unit < atomic_load_explicit(&units_ready, memory_order_acquire); }

// The word and bit of a small block's sign.
static _Atomic uint64_t *sign_of(const struct heap_block *b, uint64_t *bit)
{
    unsigned slot = slot_of(&class_table[b->bin], (uint32_t)(b->base - cage.base) & (UNIT_BYTES - 1));
    *bit = 1UL << slot % 64;
    return &signs[cage_unit(b->base)][slot / 64];
}

static void empty_small(void *p, size_t bytes)
{
    if (bytes <= EMPTIED)
        memset(p, 0, bytes);
}

// A small block with protected pages stays as it is, and held as long as they are (heap/guards.h, U2 and U3).
static void empty(const struct heap_block *b)
{
    uintptr_t end = b->base + b->bytes;
    if (b->kind == HEAP_SMALL) {
        if (likely(!guards_some) || !guards_touch(b->base, end))
            empty_small((void *)b->base, b->bytes);
        return;
    }
    if (unlikely(guards_some))
        guards_lift(b->base, end);
    if (b->bytes >= GIVEN_BACK)
        sys_madvise((void *)b->base, b->bytes, MADV_DONTNEED);
}

// --- large blocks ---------------------------------------------------------------------------------------------

static bool protect(const struct large *row, int prot)
{
    return sys_mprotect((void *)row->base, row->bytes, prot) == 0;
}

// The program's thread and the sweep may both come to this: one of them does it, or takes its own word back. is_read: by others than the
// caller.
static void seal(struct large *row, bool (*is_read)(void))
{
    bool open = false;
    if (row->bytes < GIVEN_BACK || !atomic_compare_exchange_strong(&row->sealed, &open, true))
        return;
    if (atomic_fetch_add(&sealed_count, 1) < SEALED_MOST && !is_read() && protect(row, PROT_NONE))
        return;
    atomic_fetch_sub(&sealed_count, 1);
    atomic_store(&row->sealed, false);
}

static bool by_the_collector(void) { return atomic_load(&heap_is_read); }

static bool by_nobody(void) { return false; }

bool quarantine_release_large(uint32_t id)
{
    struct large *row = large_row(id);
    if (atomic_load(&row->sealed)) {
        if (!protect(row, PROT_READ | PROT_WRITE))
            return false;
        atomic_store(&row->sealed, false);
        atomic_fetch_sub(&sealed_count, 1);
    }
    atomic_fetch_sub_explicit(&held_bytes, (int64_t)row->bytes, memory_order_relaxed);
    return true;
}

// Not before the barrier is down: mprotect's would open what it armed. A block that was freed is the collector's alone to end; of a row
// that is just being filled base comes last.
static void seal_the_rest(void)
{
    for (uint32_t id = 1; id < large_id_end(); id++) {
        struct large *row = large_row(id);
        if (atomic_load(&row->base) && atomic_load(&row->freed) && !atomic_load(&row->sealed))
            seal(row, by_nobody);
    }
}

bool quarantine_is_sealed(const struct heap_block *b)
{
    return unlikely(quarantine_on) && b->kind == HEAP_LARGE && atomic_load(&large_row(b->id)->sealed);
}

static size_t bytes_held(void)
{
    int64_t held = atomic_load_explicit(&held_bytes, memory_order_relaxed);
    return held > 0 ? (size_t)held : 0;
}

// Cycles that take more than a quarter of the time shall be fewer: more is held back before the next. As soon as they take little, less is.
static void judge(uint64_t began_ns)
{
    uint64_t now = clock_ns(), took = now - began_ns, all = now - cycle_ended_ns;
    uint32_t parts = atomic_load(&share);
    if (took > all / 4)
        parts = (uint32_t)min_size(parts * 2, SHARE_MOST);
    else if (took < all / 16)
        parts = (uint32_t)max_size(parts / 2, SHARE_LEAST);
    atomic_store(&share, parts);
    cycle_ended_ns = now;
}

void quarantine_cycle_begins(void) { held_before = atomic_load(&held_total); }

// Of what was freed while the cycle ran nobody knows yet.
static void count_stuck(void)
{
    size_t held = bytes_held(), since = (size_t)(atomic_load(&held_total) - held_before);
    atomic_store(&stuck_bytes, held - min_size(since, held));
}

void quarantine_cycle_ends(uint64_t began_ns, bool proved)
{
    if (!quarantine_on)
        return;
    seal_the_rest();
    if (proved)
        count_stuck();
    judge(began_ns);
}

// --- taking and having ----------------------------------------------------------------------------------------

static bool set_sign(const struct heap_block *b)
{
    uint64_t bit;
    if (b->kind == HEAP_LARGE)
        return !atomic_exchange(&large_row(b->id)->freed, true);
    _Atomic uint64_t *word = sign_of(b, &bit);
    return !(atomic_fetch_or(word, bit) & bit);
}

static void settle(void)
{
    atomic_fetch_add_explicit(&held_total, unsettled_bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&held_bytes, (int64_t)unsettled_bytes, memory_order_relaxed);
    unsettled_bytes = 0;
}

static void count(size_t bytes)
{
    unsettled_bytes += bytes;
    if (unsettled_bytes >= SETTLE)
        settle();
}

void quarantine_thread_ends(void)
{
    settle();
    trail_thread_ends();
}

bool quarantine_take(const struct heap_block *b)
{
    bool first = true;
    crit_enter();
    if (b->kind == HEAP_LARGE || is_ready(cage_unit(b->base)) || make_ready(cage_unit(b->base))) {
        first = set_sign(b);
        if (first) {
            count(b->bytes);
            if (b->kind == HEAP_SMALL && !trail_note(b->base, misuse_caller.from))
                settle();
            empty(b);
            if (b->kind == HEAP_LARGE)
                seal(large_row(b->id), by_the_collector);
        }
    } // else: no memory for the sign: a cycle reclaims it as lost
    crit_leave();
    return first;
}

bool quarantine_has(const struct heap_block *b)
{
    uint64_t bit;
    if (!quarantine_on || quarantine_ignores)
        return false;
    if (b->kind == HEAP_LARGE)
        return atomic_load(&large_row(b->id)->freed);
    if (!is_ready(cage_unit(b->base)))
        return false;
    const _Atomic uint64_t *word = sign_of(b, &bit);
    return atomic_load(word) & bit;
}

// The slot that starts at p, of a span without notes, condemned blocks or protected pages.
static const struct size_class *plain_class(uintptr_t offset)
{
    size_t unit = offset >> UNIT_SHIFT;
    unsigned bin = (atomic_load_explicit(&cage.units[unit], memory_order_relaxed) & ~UNIT_WATCHED) - 1;
    bool plain = bin < BIN_NOTED && !__atomic_load_n(&cage.spans[unit].watched, __ATOMIC_RELAXED) &&
                 likely(!guards_some) && is_ready(unit) &&
                 slot_starts_at(&class_table[bin], offset & (UNIT_BYTES - 1));
    return plain ? &class_table[bin] : NULL;
}

bool quarantine_take_quick(void *p, uintptr_t from)
{
    uintptr_t offset = (uintptr_t)p - cage.base;
    const struct size_class *c = offset < cage.bytes ? plain_class(offset) : NULL;
    if (unlikely(!c))
        return false;
    unsigned slot = slot_of(c, (uint32_t)offset & (UNIT_BYTES - 1));
    size_t unit = offset >> UNIT_SHIFT, w = slot / 64;
    uint64_t bit = 1UL << slot % 64;
    if (atomic_load_explicit(&cage.words[unit * WORDS_PER_SPAN + w].free, memory_order_relaxed) & bit ||
        atomic_fetch_or_explicit(&signs[unit][w], bit, memory_order_relaxed) & bit)
        return false;
    unsettled_bytes += c->size;
    if (unlikely(!trail_note((uintptr_t)p, from))) // its end may come unseen: Q6
        settle();
    empty_small(p, c->size);
    __asm__ volatile(
        ""
        :
        : "r"(p)
        : "memory"); // as G2 of heap/cache.h: nobody else gets the slot while it is being emptied
    return true;
}

bool quarantine_settle(void)
{
    if (likely(unsettled_bytes < SETTLE))
        return false;
    settle();
    return quarantine_is_full();
}

// What was freed since the last cycle, in parts of what may be freed before the next, 1 is all.
static bool is_past(size_t parts)
{
    size_t held = bytes_held(),
           fresh = held - min_size(atomic_load_explicit(&stuck_bytes, memory_order_relaxed), held);
    size_t all = heap_live_bytes(), rest = max_size(all - min_size(fresh, all), LITTLE);
    return fresh > rest / SHARE_PARTS * atomic_load_explicit(&share, memory_order_relaxed) / parts;
}

bool quarantine_is_full(void) { return is_past(1); }

bool quarantine_is_half_full(void) { return quarantine_on && is_past(2); }

void quarantine_sweep(const struct span *s, uint64_t *dead, uint64_t *freed)
{
    const struct size_class *c = &class_table[span_bin(s)];
    size_t unit = (size_t)(s - cage.spans), freed_count = 0;
    if (!is_ready(unit))
        return;
    for (unsigned w = 0; w < c->words; w++) {
        freed[w] = dead[w] & atomic_load(&signs[unit][w]);
        if (freed[w])
            atomic_fetch_and(&signs[unit][w], ~freed[w]);
        dead[w] &= ~freed[w];
        freed_count += (unsigned)__builtin_popcountl(freed[w]);
    }
    atomic_fetch_sub_explicit(&held_bytes, (int64_t)(freed_count * c->size), memory_order_relaxed);
}

void quarantine_fork_prepare(void) { lock_acquire(&guard); }

void quarantine_fork_done(void) { lock_release(&guard); }
