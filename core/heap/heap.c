#include "heap/heap.h"

#include "base/backoff.h"
#include "base/log.h"
#include "base/meta.h"
#include "heap/extent.h"
#include "heap/guards.h"
#include "heap/misuse.h"
#include "heap/probation.h"
#include "heap/quarantine.h"
#include "heap/special.h"
#include "heap/trail.h"

#include <string.h>

// --- boot ---------------------------------------------------------------------------------------------------

static _Atomic int boot_state; // 0 not yet, 1 under way, 2 done, 3 failed

static void boot(void)
{
    sizeclass_boot();
    span_boot();
    bool done = cage_boot();
    if (done)
        large_boot();
    atomic_store_explicit(&boot_state, done ? 2 : 3, memory_order_release);
}

bool heap_boot(void)
{
    int state = atomic_load_explicit(&boot_state, memory_order_acquire), fresh = 0;
    if (likely(state == 2))
        return true;
    if (state == 0 && atomic_compare_exchange_strong(&boot_state, &fresh, 1))
        boot();
    for (struct backoff backoff = {0};
         (state = atomic_load_explicit(&boot_state, memory_order_acquire)) == 1;)
        backoff_wait(&backoff);
    return state == 2;
}

// --- counting -----------------------------------------------------------------------------------------------

static _Atomic uint64_t allocated_total, freed_total;

void heap_count_alloc(size_t bytes)
{
    atomic_fetch_add_explicit(&allocated_total, bytes, memory_order_relaxed);
}

void heap_count_free(size_t bytes) { atomic_fetch_add_explicit(&freed_total, bytes, memory_order_relaxed); }

size_t heap_live_bytes(void)
{
    uint64_t freed = atomic_load_explicit(&freed_total, memory_order_relaxed);
    uint64_t allocated = atomic_load_explicit(&allocated_total, memory_order_relaxed);
    return allocated > freed ? allocated - freed : 0;
}

uint64_t heap_allocated_total(void) { return atomic_load_explicit(&allocated_total, memory_order_relaxed); }

// --- looking up ---------------------------------------------------------------------------------------------

static struct heap_block find_small(uintptr_t address, uint32_t unit_word)
{
    unsigned bin = (unit_word & ~UNIT_WATCHED) - 1;
    const struct size_class *c = &class_table[bin];
    uint32_t offset = (address - cage.base) & (UNIT_BYTES - 1), slot = slot_of(c, offset);
    size_t unit = cage_unit(address);
    if (slot >= c->slots)
        return (struct heap_block){.kind = HEAP_SMALL, .bin = (uint8_t)bin};
    uint64_t free = atomic_load_explicit(&cage.words[unit * WORDS_PER_SPAN + slot / 64].free,
                                         memory_order_relaxed);
    return (struct heap_block){
        .kind = HEAP_SMALL,
        .start = slot_starts_at(c, offset),
        .allocated = !(free >> slot % 64 & 1),
        .base = address - (offset - slot * c->size),
        .bytes = c->size,
        .bin = (uint8_t)bin,
        .watched = unit_word & UNIT_WATCHED,
    };
}

struct heap_block heap_find(uintptr_t address)
{
    if (!cage_contains(address))
        return (struct heap_block){0};
    uint32_t unit = atomic_load_explicit(&cage.units[cage_unit(address)], memory_order_acquire);
    if (unit)
        return find_small(address, unit);
    uint32_t id = large_id_at(address);
    if (!id)
        return (struct heap_block){.kind = HEAP_LARGE};
    const struct large *row = large_row(id);
    return (struct heap_block){.kind = HEAP_LARGE,
                               .start = row->base == address,
                               .allocated = true,
                               .base = row->base,
                               .bytes = row->bytes,
                               .id = id,
                               .watched = row->record};
}

// --- allocating ---------------------------------------------------------------------------------------------

static void *alloc_small(unsigned bin)
{
    if (unlikely(cache_self.state == CACHE_NEW))
        heap_upcalls.first_use();
    return cache_alloc(&cache_self, bin);
}

static void *alloc_inside(int bin, size_t n, size_t alignment, bool zeroed, bool noarm)
{
    crit_enter();
    void *p = bin >= 0 ? alloc_small((unsigned)bin) : large_alloc(n, alignment, zeroed, noarm);
    crit_leave();
    return p;
}

enum { LAST_TRIES = 8 }; // each after a cycle

// What a slow allocation has in common: boot, critical section, pacing. bin < 0: a large block.
static void *alloc_slow(int bin, size_t n, size_t alignment, bool zeroed, bool noarm)
{
    if (unlikely(!heap_boot()))
        return NULL;
    void *p = alloc_inside(bin, n, alignment, zeroed, noarm);
    for (int tries = 0; unlikely(!p) && tries < LAST_TRIES; tries++) { // others may be faster
        if (crit_inside() || n > heap_live_bytes() || !heap_upcalls.out_of_memory())
            break;
        p = alloc_inside(bin, n, alignment, zeroed, noarm);
    }
    if (p && !crit_inside())
        heap_upcalls.slow_alloc(p);
    return p;
}

void *heap_alloc_slow(size_t n, bool zeroed, bool noarm)
{
    int bin = -1;
    if (unlikely(!heap_boot())) // the class table comes with it
        return NULL;
    if (n <= SMALL_MAX)
        bin = (int)class_of(n) + (noarm ? CLASS_COUNT : 0);
    void *p = alloc_slow(bin, n, PAGE_BYTES, zeroed, noarm);
    if (p && zeroed && bin >= 0)
        memset(p, 0, n);
    return p;
}

void *heap_alloc_aligned(size_t n, size_t alignment)
{
    if (unlikely(!heap_boot()))
        return NULL;
    alignment = max_size(alignment, SLOT_GRAIN);
    int bin = alignment <= UNIT_BYTES / 2 && n <= SMALL_MAX ? class_of_aligned(n, alignment) : -1;
    return alloc_slow(bin, n, alignment, false, false);
}

// --- notes --------------------------------------------------------------------------------------------------

_Atomic uint32_t heap_cycle;

static inline void fill(struct note *note, size_t n, struct note_facts facts)
{
    note->bytes = (uint16_t)n;
    note->born = atomic_load_explicit(&heap_cycle, memory_order_relaxed);
    note->order = facts.order;
    note->frame = facts.frame;
    note->holder = 0;
    atomic_store_explicit(&note->flags, facts.flags, memory_order_relaxed);
    atomic_store_explicit(&note->site, facts.site, memory_order_release);
}

static void write_note(const struct heap_block *b, size_t n, struct note_facts facts)
{
    struct note *note = note_of(b);
    if (!note)
        return;
    if (b->kind == HEAP_LARGE)
        large_row(b->id)->asked_bytes = n;
    fill(note, n, facts);
}

static uint32_t take_site(struct note *note)
{
    uint32_t site = atomic_load_explicit(&note->site, memory_order_relaxed);
    if (!atomic_load_explicit(&cache_one_thread, memory_order_relaxed))
        return atomic_exchange(&note->site, 0);
    atomic_store_explicit(&note->site, 0, memory_order_relaxed);
    return site;
}

// N1: false when there is nothing left to free, because it was freed before and lies in somebody's magazine.
static bool end_note(const struct heap_block *b)
{
    struct note *note = note_of(b);
    uint32_t site = note ? take_site(note) : 0;
    if (site || (note && b->kind == HEAP_LARGE)) { // N3, N4
        note->holder = site;
        note->frame = misuse_caller.from;
        note->order = misuse_caller.site;
    }
    return site || b->kind == HEAP_LARGE || !note;
}

void *heap_alloc_noted_quick(size_t n, unsigned bin, struct note_facts facts)
{
    struct shelf *noted = cache_self.noted;
    void *p = noted ? magazine_pop(&noted->magazines[bin]) : NULL;
    if (p)
        fill(note_in_span((uintptr_t)p, &class_table[bin]), n, facts);
    return p;
}

bool heap_free_noted_quick(void *p, struct note *was)
{
    uintptr_t offset = (uintptr_t)p - cage.base;
    if (offset >= cage.bytes || !cache_self.noted)
        return false;
    unsigned at = atomic_load_explicit(&cage.units[offset >> UNIT_SHIFT], memory_order_relaxed) - 1 -
                  BIN_NOTED;
    if (at >= BIN_NOTED || !slot_starts_at(&class_table[at], offset & (UNIT_BYTES - 1)))
        return false;
    struct note *note = note_in_span((uintptr_t)p, &class_table[at]);
    struct magazine *m = &cache_self.noted->magazines[at];
    uint32_t site = atomic_load_explicit(&note->site, memory_order_relaxed);
    if (!site || m->n >= m->limit)
        return false;
    was->frame = note->frame;
    was->order = note->order;
    was->bytes = note->bytes;
    was->site = site;
    if (!take_site(note))
        return false;
    note->holder = site; // before the slot can be a handler's
    note->frame = misuse_caller.from;
    note->order = 0;
    if (magazine_push(m, p))
        return true;
    atomic_store(&note->site, site); // it was on top: the slow path tells of it
    return false;
}

// In a bin whose shelf the thread may not have yet; NULL: there is no memory for that either.
static void *alloc_in_rare_bin(unsigned bin, bool zeroed, size_t n)
{
    bool can;
    void *p;
    crit_enter();
    if (unlikely(cache_self.state == CACHE_NEW))
        heap_upcalls.first_use();
    can = cache_can_keep(&cache_self, bin);
    crit_leave();
    p = can ? magazine_pop(cache_magazine(&cache_self, bin)) : NULL;
    if (!p && can)
        p = alloc_slow((int)bin, n, SLOT_GRAIN, zeroed, false);
    if (p && zeroed)
        memset(p, 0, n);
    return p;
}

void *heap_alloc_noted(size_t n, size_t alignment, bool zeroed, bool noarm, struct note_facts facts)
{
    void *p = NULL;
    if (unlikely(!heap_boot()))
        return NULL;
    int class = n > SMALL_MAX || alignment > UNIT_BYTES / 2 ? -1
                : alignment > SLOT_GRAIN                    ? class_of_aligned(n, alignment)
                                                            : (int)class_of(n);
    if (class >= 0)
        p = alloc_in_rare_bin((unsigned)class + BIN_NOTED + (noarm ? BIN_NOARM : 0), zeroed, n);
    if (!p && alignment > SLOT_GRAIN)
        p = heap_alloc_aligned(n, alignment);
    else if (!p)
        p = heap_alloc_slow(n, zeroed, noarm);
    if (p) {
        struct heap_block b = heap_find((uintptr_t)p);
        if (b.kind == HEAP_LARGE)
            large_row(b.id)->noscan = facts.flags & NOTE_NOSCAN;
        write_note(&b, n, facts);
    }
    return p;
}

// --- blocks without pointers --------------------------------------------------------------------------------

void *heap_alloc_noscan(size_t n)
{
    void *p;
    if (unlikely(!heap_boot()))
        return NULL;
    p = n <= SMALL_MAX ? alloc_in_rare_bin(class_of(n) + BIN_NOSCAN, false, n) : NULL;
    if (p)
        return p;
    p = heap_alloc_slow(n, false, false);
    struct heap_block b = heap_find((uintptr_t)p);
    if (p && b.kind == HEAP_LARGE)
        large_row(b.id)->noscan = true;
    return p;
}

bool heap_is_scanned(const struct heap_block *b)
{
    const struct note *note;
    if (b->kind == HEAP_LARGE)
        return !b->id || !large_row(b->id)->noscan;
    note = note_of(b);
    return !bin_is_noscan(b->bin) && !(note && note->flags & NOTE_NOSCAN);
}

// --- freeing ------------------------------------------------------------------------------------------------

void heap_report_double_free(void *p)
{
    struct heap_block b = heap_find((uintptr_t)p);
    misuse_freed_twice(&b, p);
}

// A condemned block is used: whoever does holds a pointer that was hidden (O2).
static __attribute__((noinline)) void note_use(const struct heap_block *b, enum find how)
{
    crit_enter();
    bool find = b->kind == HEAP_LARGE ? large_used(b->id) : probation_used(b->base, b->bin);
    crit_leave();
    if (find)
        probation_report(b->base, b->bytes, b->kind == HEAP_LARGE ? BIN_COUNT : b->bin, how);
}

// False: it was freed a moment ago (G3).
static bool free_block(const struct heap_block *b, void *p)
{
    if (b->kind != HEAP_LARGE)
        return cache_free(&cache_self, b->bin, p);
    large_free(b->id);
    return true;
}

static void hold_back(const struct heap_block *b, void *p)
{
    specials_free(b->base);
    if (unlikely(b->watched))
        note_use(b, FOUND_FREED);
    if (!quarantine_take(b))
        misuse_freed_twice(b, p);
    else if (quarantine_is_full() && heap_upcalls.cycle_wanted)
        heap_upcalls.cycle_wanted();
}

void heap_free_slow(void *p)
{
    struct heap_block b = heap_find((uintptr_t)p);
    if (!p)
        return;
    if (unlikely(quarantine_ignores) && b.kind != HEAP_FOREIGN) {
        if (b.allocated && b.start) // the program is done with it all the same
            specials_free(b.base);
        return;
    }
    if (b.kind == HEAP_FOREIGN) {
        heap_upcalls.free_foreign(p);
    } else if (!b.start) {
        misuse_freed_wrongly(&b, p);
    } else if (!b.allocated || unlikely(quarantine_has(&b)) || unlikely(!end_note(&b))) {
        misuse_freed_twice(&b, p);
    } else if (unlikely(quarantine_holds)) {
        hold_back(&b, p);
    } else {
        if (unlikely(b.watched))
            note_use(&b, FOUND_FREED);
        specials_free(b.base);
        crit_enter();
        if (unlikely(cache_self.state == CACHE_NEW))
            heap_upcalls.first_use();
        bool first = free_block(&b, p);
        crit_leave();
        if (unlikely(!first))
            misuse_freed_twice(&b, p);
    }
    misuse_settle();
}

size_t heap_usable(const void *p)
{
    struct heap_block b = heap_find((uintptr_t)p);
    if (unlikely(b.watched) && b.allocated && p)
        note_use(&b, FOUND_MEASURED);
    if (likely(b.allocated && !quarantine_has(&b)))
        return b.base + b.bytes - 1 - (uintptr_t)p;
    misuse_measured(&b, p);
    return 0;
}

// In place when the new size fits the slot and does not leave more than half of it idle, or when the extent can grow
// or shrink where it is.
static bool resize_in_place(const struct heap_block *b, size_t n)
{
    bool done;
    if (b->kind == HEAP_SMALL)
        return n < b->bytes && (n >= b->bytes / 2 || b->bytes <= 4 * SLOT_GRAIN);
    if (n <= SMALL_MAX || unlikely(quarantine_on)) // the tail of a block in place would be used again at once
        return n < b->bytes && n > SMALL_MAX;
    crit_enter();
    done = large_resize(b->id, n);
    crit_leave();
    return done;
}

// Freed a moment ago by this thread (G3), or ever, when it has a note (N1).
static bool is_in_magazine(const struct heap_block *b, const void *p)
{
    const struct note *note = b->kind == HEAP_SMALL ? note_of(b) : NULL;
    if (note && !note->site)
        return true;
    const struct magazine *m = b->kind == HEAP_SMALL ? cache_magazine(&cache_self, b->bin) : NULL;
    return m && m->n && m->slot[m->n - 1] == p;
}

static bool is_noarm(const struct heap_block *b)
{
    return b->kind == HEAP_LARGE ? large_row(b->id)->noarm : bin_is_noarm(b->bin);
}

// The block that may be resized, or one that is not allocated.
static struct heap_block find_for_resize(void *p)
{
    struct heap_block b = heap_find((uintptr_t)p);
    if (!b.allocated || !b.start || is_in_magazine(&b, p) || quarantine_has(&b)) {
        misuse_resized(&b, p);
        b.allocated = false;
    } else if (unlikely(b.watched)) {
        note_use(&b, FOUND_RESIZED);
    }
    return b;
}

static void *move(const struct heap_block *b, void *moved, size_t n)
{
    void *p = (void *)b->base;
    if (!moved)
        return NULL;
    memcpy(moved, p, min_size(n, b->bytes - 1));
    if (!heap_free(p))
        heap_free_slow(p);
    return moved;
}

void *heap_realloc(void *p, size_t n)
{
    struct heap_block b = find_for_resize(p);
    if (!b.allocated)
        return NULL;
    if (resize_in_place(&b, n))
        return p;
    return move(&b, heap_is_scanned(&b) ? heap_alloc_slow(n, false, is_noarm(&b)) : heap_alloc_noscan(n), n);
}

void *heap_realloc_noted(void *p, size_t n, struct note_facts facts, size_t *before)
{
    struct heap_block b = find_for_resize(p);
    if (!b.allocated)
        return NULL;
    *before = note_bytes(&b);
    if (!heap_is_scanned(&b))
        facts.flags |= NOTE_NOSCAN;
    if (!resize_in_place(&b, n))
        return move(&b, heap_alloc_noted(n, SLOT_GRAIN, false, is_noarm(&b), facts), n);
    const struct note *note = note_of(&b);
    facts.flags |= note ? note->flags & NOTE_FINAL : 0; // it has its finalizer still
    write_note(&b, n, facts);
    return p;
}

// --- checking -----------------------------------------------------------------------------------------------

_Atomic bool heap_is_read;

static bool forked; // this process began as a child

void heap_check(void)
{
    size_t units = (cage_top() - cage.base) >> UNIT_SHIFT;
    for (size_t unit = 0; unit < units; unit++)
        if (cage.units[unit])
            span_check(&cage.spans[unit]);
    for (uint32_t id = 1; id < large_id_end(); id++) {
        const struct large *row = large_row(id);
        if (row->base && cage.pages[cage_page(row->base)] != id && !forked)
            fatal("large block %u at %p: its page belongs to %u", id, (void *)row->base,
                  cage.pages[cage_page(row->base)]);
    }
}

// --- fork ---------------------------------------------------------------------------------------------------

void heap_fork_prepare(void)
{
    probation_fork_prepare();
    span_fork_prepare();
    cache_fork_prepare();
    large_fork_prepare();
    extent_fork_prepare();
    cage_fork_prepare();
    guards_fork_prepare();
    quarantine_fork_prepare();
    specials_fork_prepare();
    meta_fork_prepare();
}

static void fork_done(void (*extents)(void))
{
    meta_fork_done();
    specials_fork_done();
    quarantine_fork_done();
    guards_fork_done();
    cage_fork_done();
    extents();
    large_fork_done();
    cache_fork_done();
    span_fork_done();
    probation_fork_done();
}

void heap_fork_parent(void) { fork_done(extent_fork_parent); }

// What a thread that is not here was allocating or freeing stays half done: nobody refers to it, and the sweep finishes it.
void heap_fork_child(void)
{
    forked = true;
    fork_done(extent_fork_child);
    trail_fork_child();
}

void heap_fork_forget_cycle(void)
{
    size_t units = (cage_top() - cage.base) >> UNIT_SHIFT;
    uint32_t now = atomic_load(&heap_sweep_epoch);
    atomic_store(&heap_marking, false);
    for (size_t unit = 0; unit < units; unit++) {
        struct span *s = &cage.spans[unit];
        for (unsigned w = 0; cage.units[unit] && w < WORDS_PER_SPAN; w++)
            if (span_words(s)[w].mark)
                atomic_store_explicit(&span_words(s)[w].mark, 0, memory_order_relaxed);
        if (cage.units[unit])
            atomic_store(&s->sweep_epoch, now); // whoever was sweeping it does not exist here
    }
    for (uint32_t id = 1; id < large_id_end(); id++) {
        large_row(id)->mark = 0;
        large_row(id)->epoch = now;
    }
}
