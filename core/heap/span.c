#include "heap/span.h"

#include "base/backoff.h"
#include "base/log.h"
#include "base/meta.h"
#include "base/options.h"
#include "heap/extent.h"
#include "heap/heap.h"
#include "heap/note.h"
#include "heap/probation.h"
#include "heap/quarantine.h"
#include "heap/special.h"
#include "heap/taint.h"

#include <stdatomic.h>
#include <string.h>

struct bin {
    struct lock guard;
    struct span *partial; // doubly linked
    uint64_t pad[5];      // a line of its own
};

static struct bin bins[BIN_COUNT];
static struct lock pool_guard = LOCK_INIT(LOCK_RANK_POOL);
static struct span *pool,
    *pool_last; // most recently emptied first: its pages are warm; those without pages last
static size_t pool_count;

// What spans are cut from. The first slab is the cage's own, not jemalloc's: it is never given back.
struct slab {
    struct slab *next; // spare, or being given back
    char *start;       // as jemalloc knows it, NULL for the first
    uint32_t cut;      // spans that were cut from it
    uint32_t pooled;   // of them, how many are in the pool
    bool going;
};

static struct slab *slab_now, *spare_slabs; // the one being cut; pool_guard
static char *slab_at, *slab_end;            // what is left of it

_Atomic uint32_t heap_sweep_epoch = 2;
_Atomic bool heap_marking;
_Atomic bool heap_reclaim;
_Atomic bool heap_keeps_marks;

#define SLAB_BYTES (4 * MIB)
enum { SWEEP_SHARES = 4 }; // that one refill may sweep before it takes fresh memory: some ten microseconds

void span_boot(void)
{
    for (unsigned i = 0; i < BIN_COUNT; i++)
        bins[i].guard.rank = LOCK_RANK_BIN;
}

static uint16_t bin_state(unsigned bin, enum span_state state) { return (uint16_t)(bin << 8 | state); }

static void set_state(struct span *s, enum span_state state)
{
    atomic_store(&s->bin_state, bin_state(span_bin(s), state));
}

static void push_partial_locked(struct bin *b, struct span *s)
{
    s->prev = NULL;
    s->next = b->partial;
    if (b->partial)
        b->partial->prev = s;
    b->partial = s;
    set_state(s, SPAN_PARTIAL);
}

static void unlink_partial_locked(struct bin *b, struct span *s)
{
    if (s->prev)
        s->prev->next = s->next;
    else
        b->partial = s->next;
    if (s->next)
        s->next->prev = s->prev;
}

static bool any_free(const struct span *s)
{
    const struct slot_word *words = span_words(s);
    for (unsigned w = 0; w < class_table[span_bin(s)].words; w++)
        if (atomic_load(&words[w].free))
            return true;
    return false;
}

static bool all_free(const struct span *s)
{
    const struct size_class *c = &class_table[span_bin(s)];
    const struct slot_word *words = span_words(s);
    for (unsigned w = 0; w < c->words; w++)
        if (atomic_load(&words[w].free) != span_valid(c, w))
            return false;
    return true;
}

static bool swept(const struct span *s)
{
    return atomic_load_explicit(&s->sweep_epoch, memory_order_acquire) ==
           atomic_load_explicit(&heap_sweep_epoch, memory_order_relaxed);
}

static struct slab *slab_record_locked(char *start)
{
    struct slab *slab = spare_slabs;
    if (slab)
        spare_slabs = slab->next;
    else
        slab = meta_alloc(sizeof *slab);
    if (slab)
        *slab = (struct slab){.start = start};
    return slab;
}

// From the cage the first time, then from jemalloc, smaller when memory ends. What lies below the first unit boundary is lost.
static bool new_slab_locked(void)
{
    size_t bytes = slab_now ? SLAB_BYTES : min_size(SLAB_BYTES, cage.bytes / 4), usable = bytes;
    char *start = slab_now ? NULL : cage_carve(bytes, UNIT_BYTES);
    for (; slab_now && !start && bytes >= 2 * UNIT_BYTES; bytes /= 4)
        start = extent_alloc(bytes, PAGE_BYTES, false, &usable);
    struct slab *slab = start ? slab_record_locked(slab_now ? start : NULL) : NULL;
    if (!slab) {
        if (start && slab_now)
            extent_free(start);
        return false;
    }
    slab_now = slab;
    slab_at = (char *)align_up((uintptr_t)start, UNIT_BYTES);
    slab_end = (char *)align_down((uintptr_t)start + usable, UNIT_BYTES);
    return slab_at < slab_end;
}

static void pool_push_locked(struct span *s, bool last)
{
    s->prev = last ? pool_last : NULL;
    s->next = last ? NULL : pool;
    *(s->prev ? &s->prev->next : &pool) = s;
    *(s->next ? &s->next->prev : &pool_last) = s;
    s->pooled = true;
    s->slab->pooled++;
    pool_count++;
}

static void pool_unlink_locked(struct span *s)
{
    *(s->prev ? &s->prev->next : &pool) = s->next;
    *(s->next ? &s->next->prev : &pool_last) = s->prev;
    s->pooled = false;
    s->slab->pooled--;
    pool_count--;
}

static struct span *pool_take(void)
{
    struct span *s = NULL;
    lock_acquire(&pool_guard);
    if (pool) {
        s = pool;
        pool_unlink_locked(s);
    } else if (slab_at < slab_end || new_slab_locked()) {
        s = &cage.spans[cage_unit((uintptr_t)slab_at)];
        s->slab = slab_now;
        slab_now->cut++;
        slab_at += UNIT_BYTES;
    }
    lock_release(&pool_guard);
    return s;
}

static void pool_give(struct span *s)
{
    lock_acquire(&pool_guard);
    pool_push_locked(s, false);
    lock_release(&pool_guard);
}

static bool is_idle(const struct slab *slab)
{
    return slab->going || (slab->start && slab != slab_now && slab->pooled == slab->cut);
}

// Takes the spans of idle slabs out of the pool; returns these slabs.
static struct slab *take_idle_slabs(void)
{
    struct slab *idle = NULL;
    lock_acquire(&pool_guard);
    for (struct span *s = pool, *next; s; s = next) {
        struct slab *slab = s->slab;
        next = s->next;
        if (!is_idle(slab))
            continue;
        slab->going = true;
        pool_unlink_locked(s);
        if (slab->pooled == 0) {
            slab->next = idle;
            idle = slab;
        }
    }
    lock_release(&pool_guard);
    return idle;
}

bool span_return_slabs(void)
{
    struct slab *idle = take_idle_slabs(), *next;
    bool any = idle;
    for (; idle; idle = next) {
        next = idle->next;
        extent_free(idle->start);
        lock_acquire(&pool_guard);
        idle->next = spare_slabs;
        spare_slabs = idle;
        lock_release(&pool_guard);
    }
    return any;
}

static bool any_mark(const struct span *s)
{
    const struct slot_word *words = span_words(s);
    for (unsigned w = 0; w < class_table[span_bin(s)].words; w++)
        if (atomic_load_explicit(&words[w].mark, memory_order_relaxed))
            return true;
    return false;
}

// heap/taint.h, T5. Nobody has a slot yet.
static void mark_all(const struct span *s)
{
    const struct size_class *c = &class_table[span_bin(s)];
    for (unsigned w = 0; w < c->words; w++)
        atomic_store_explicit(&span_words(s)[w].mark, span_valid(c, w), memory_order_relaxed);
}

// Everything about the span is in place before its unit says that it is one.
static struct span *open_span(unsigned bin)
{
    const struct size_class *c = &class_table[bin];
    struct span *s = pool_take();
    if (!s)
        return NULL;
    if (unlikely(!notes_open(s, bin))) {
        pool_give(s);
        return NULL;
    }
    struct slot_word *words = span_words(s);
    probation_forget(s);
    for (unsigned w = 0; w < c->words; w++) {
        atomic_store_explicit(&words[w].mark, 0, memory_order_relaxed);
        atomic_store_explicit(&words[w].free, span_valid(c, w), memory_order_relaxed);
    }
    atomic_store(&s->bin_state, bin_state(bin, SPAN_CURRENT));
    atomic_store(&s->sweep_epoch, atomic_load(&heap_sweep_epoch));
    atomic_store_explicit(&cage.units[s - cage.spans], (bin + 1) | (quarantine_on ? UNIT_WATCHED : 0),
                          memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    if (unlikely(taint_has(span_base(s), span_base(s) + UNIT_BYTES)))
        mark_all(s);
    return s;
}

// All slots free, under the bin's lock, not on the list any more: forget the geometry, hand it to everybody.
static void retire(struct span *s)
{
    if (any_mark(s))
        taint_units(span_base(s), span_base(s) + UNIT_BYTES);
    set_state(s, SPAN_EMPTY);
    atomic_store_explicit(&cage.units[s - cage.spans], 0, memory_order_release);
    pool_give(s);
}

static struct span *pop_partial(struct bin *b)
{
    lock_acquire(&b->guard);
    struct span *s = b->partial;
    if (s) {
        unlink_partial_locked(b, s);
        set_state(s, SPAN_CURRENT);
    }
    lock_release(&b->guard);
    return s;
}

struct span *span_take(unsigned bin)
{
    struct span *s = pop_partial(&bins[bin]);
    for (int share = 0; !s && share < SWEEP_SHARES && heap_sweep_some(); share++)
        s = pop_partial(&bins[bin]);
    if (!s)
        return open_span(bin);
    span_ready(s);
    return s;
}

void span_ready(struct span *s)
{
    struct sweep_count count = {0};
    if (likely(swept(s)))
        return;
    for (struct backoff backoff = {0}; !span_sweep(s, &count);)
        backoff_wait(&backoff);
    heap_swept(&count);
}

void span_release(struct span *s)
{
    struct bin *b = &bins[span_bin(s)];
    lock_acquire(&b->guard);
    set_state(s, SPAN_FULL);
    if (any_free(s)) // P2
        push_partial_locked(b, s);
    lock_release(&b->guard);
}

// What has lain in slots that are marked though nobody scanned them (T3).
static void empty_marked(const struct span *s, unsigned w, uint64_t slots)
{
    const struct size_class *c = &class_table[span_bin(s)];
    for (slots &= atomic_load(&span_words(s)[w].mark); slots; slots &= slots - 1)
        memset((char *)span_base(s) + (w * 64 + (unsigned)__builtin_ctzl(slots)) * (uintptr_t)c->size, 0,
               c->size);
}

unsigned span_claim(struct span *s, unsigned *w, void **out, unsigned want)
{
    const struct size_class *c = &class_table[span_bin(s)];
    struct slot_word *words = span_words(s);
    uintptr_t base = span_base(s);
    unsigned got = 0;
    debug_check(swept(s));
    for (; *w < c->words && got < want; ++*w) {
        uint64_t free = atomic_load_explicit(&words[*w].free, memory_order_relaxed);
        if (!free)
            continue;
        uint64_t take = lowest_bits(free, want - got);
        // The bits of `take` can only be cleared by us (P1), so one AND claims them.
        atomic_fetch_and_explicit(&words[*w].free, ~take, memory_order_acq_rel);
        if (unlikely(options.verify))
            empty_marked(s, *w, take);
        for (uint64_t rest = take; rest; rest &= rest - 1)
            out[got++] = (void *)(base + (*w * 64 + (unsigned)__builtin_ctzl(rest)) * (uintptr_t)c->size);
        if (take != free)
            break;
    }
    return got;
}

// May a span with nothing but free slots leave its bin? Not the last one the bin could take from next.
static bool may_retire_locked(const struct bin *b, const struct span *s)
{
    bool others = b->partial && (b->partial != s || s->next);
    return others && all_free(s) && swept(s) && !s->pinned && !atomic_load(&heap_marking); // P4
}

// After free bits were set: FULL becomes PARTIAL (P2), and a span without blocks goes back to the pool. The bits may have been
// the last ones: from here on the span may be anybody's, in any bin, until its bin's lock is held (P1).
static void after_give(struct span *s, bool perhaps_empty)
{
    uint16_t now = atomic_load(&s->bin_state);
    unsigned bin = now >> 8;
    uint16_t full = bin_state(bin, SPAN_FULL), partial = bin_state(bin, SPAN_PARTIAL);
    struct bin *b = &bins[bin];
    if (now != full && !(now == partial && perhaps_empty))
        return;
    lock_acquire(&b->guard);
    now = atomic_load(&s->bin_state);
    if (now == full && may_retire_locked(b, s)) {
        retire(s);
    } else if (now == full && any_free(s)) {
        push_partial_locked(b, s);
    } else if (now == partial && may_retire_locked(b, s)) {
        unlink_partial_locked(b, s);
        retire(s);
    }
    lock_release(&b->guard);
}

uint64_t span_give(struct span *s, unsigned w, uint64_t bits)
{
    struct slot_word *word = &span_words(s)[w];
    uint64_t valid = span_valid(&class_table[span_bin(s)], w);
    uint64_t old = atomic_fetch_or(&word->free, bits);
    after_give(s, (old | bits) == valid);
    return old & bits;
}

// What the last cycle condemned, word by word.
static void find_dead(const struct span *s, uint64_t *dead)
{
    const struct size_class *c = &class_table[span_bin(s)];
    for (unsigned w = 0; w < c->words; w++) {
        const struct slot_word *word = &span_words(s)[w];
        dead[w] = ~atomic_load_explicit(&word->free, memory_order_relaxed) &
                  ~atomic_load_explicit(&word->mark, memory_order_acquire) & span_valid(c, w);
    }
}

static void sweep_word(struct slot_word *word, uint64_t dead)
{
    if (dead)
        atomic_fetch_or(&word->free, dead);
    if (!atomic_load_explicit(&heap_keeps_marks, memory_order_relaxed) &&
        atomic_load_explicit(&word->mark, memory_order_relaxed))
        atomic_store_explicit(&word->mark, 0, memory_order_relaxed);
}

bool span_sweep(struct span *s, struct sweep_count *count)
{
    uint32_t now = atomic_load(&heap_sweep_epoch);
    uint32_t was = atomic_load(&s->sweep_epoch);
    struct slot_word *words = span_words(s);
    uint64_t live = 0, dead = 0, dead_bits[WORDS_PER_SPAN] = {0}, freed_bits[WORDS_PER_SPAN] = {0};
    if (was == now)
        return true;
    if (was == SWEEP_BUSY || !atomic_compare_exchange_strong(&s->sweep_epoch, &was, SWEEP_BUSY))
        return false;
    const struct size_class *c =
        &class_table[span_bin(s)]; // stays: a span whose sweep is due is not retired (P4)
    if (atomic_load(&heap_reclaim)) {
        find_dead(s, dead_bits);
        specials_condemn(s, dead_bits);
        if (unlikely(quarantine_on))
            quarantine_sweep(s, dead_bits, freed_bits);
        probation_sweep(s, dead_bits);
        specials_die(s, dead_bits);
        if (unlikely(specials_some) && !s->watched && !quarantine_on)
            specials_unwatch(s);
    }
    for (unsigned w = 0; w < c->words; w++) {
        dead_bits[w] |= freed_bits[w];
        uint64_t free = atomic_load_explicit(&words[w].free, memory_order_relaxed);
        live += (unsigned)__builtin_popcountl(~free & span_valid(c, w) & ~dead_bits[w]);
        dead += (unsigned)__builtin_popcountl(dead_bits[w]);
        if (unlikely(bin_is_noted(span_bin(s))))
            notes_clear(s, w, dead_bits[w]);
        sweep_word(&words[w], dead_bits[w]);
    }
    atomic_store_explicit(&s->sweep_epoch, now, memory_order_release);
    count->live_blocks += live;
    count->live_bytes += live * c->size;
    count->dead_blocks += dead;
    count->dead_bytes += dead * c->size;
    if (dead || live == 0)
        after_give(s, live == 0);
    return true;
}

void span_check(const struct span *s)
{
    const struct size_class *c = &class_table[span_bin(s)];
    const struct slot_word *words = span_words(s);
    for (unsigned w = 0; w < WORDS_PER_SPAN; w++) {
        uint64_t valid = w < c->words ? span_valid(c, w) : 0;
        if (w < c->words && atomic_load(&words[w].free) & ~valid)
            fatal("span %p: a free bit of word %u stands for no slot", (void *)span_base(s), w);
    }
    if (span_bin(s) >= BIN_COUNT)
        fatal("span %p: bin %u does not exist", (void *)span_base(s), span_bin(s));
}

size_t span_pool_count(void)
{
    lock_acquire(&pool_guard);
    size_t count = pool_count;
    lock_release(&pool_guard);
    return count;
}

// --- holding ------------------------------------------------------------------------------------------------

// The bin's lock holds a PARTIAL span (P1), the pool's one that is in the pool.
bool span_hold(struct span *s)
{
    uint16_t now = atomic_load(&s->bin_state);
    bool partial = (now & 0xFF) == SPAN_PARTIAL;
    struct lock *guard = partial ? &bins[now >> 8].guard : &pool_guard;
    if (!partial && (now & 0xFF) != SPAN_EMPTY)
        return false;
    lock_acquire(guard);
    bool held = partial ? atomic_load(&s->bin_state) == now : s->pooled;
    if (!held)
        lock_release(guard);
    return held;
}

void span_let_go(struct span *s, bool cold)
{
    bool pooled = s->pooled; // ours to read: of a span whose bin is locked it is false
    if (pooled && cold) {
        pool_unlink_locked(s);
        pool_push_locked(s, true);
    }
    lock_release(pooled ? &pool_guard : &bins[span_bin(s)].guard);
}

void span_fork_prepare(void)
{
    for (unsigned i = 0; i < BIN_COUNT; i++)
        lock_acquire(&bins[i].guard);
    lock_acquire(&pool_guard);
}

void span_fork_done(void)
{
    lock_release(&pool_guard);
    for (unsigned i = BIN_COUNT; i-- > 0;)
        lock_release(&bins[i].guard);
}
