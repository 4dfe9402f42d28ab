#include "gc/mark.h"

#include "base/options.h"
#include "gc/scan_avx2.h"
#include "gc/verify.h"
#include "heap/guards.h"
#include "heap/taint.h"

#include <string.h>

#define PIECE_BYTES (64 * KIB) // of a large block, scanned at a time
#define LARGE_TAG   1UL
enum { SHARE_LEAST = 8 };

static void push(struct marker *m, uintptr_t entry)
{
    if (!m->local && !(m->local = grey_new()))
        return;
    if (m->local->count == GREY_CHUNK_ENTRIES) {
        grey_give(m->local);
        m->local = grey_new();
        if (!m->local)
            return;
    }
    m->local->entries[m->local->count++] = entry;
}

// A word that points into the cage but at no block (M2).
static void pass_over(uintptr_t value)
{
    if (unlikely(verify_noting))
        verify_note(value);
}

// The block at value has just been marked.
static __attribute__((noinline)) void note_holder(uintptr_t value, uint64_t from)
{
    struct heap_block b = heap_find(value);
    holder_note(&b, from);
}

static void look_again(struct marker *m, uintptr_t value, unsigned at);

static __attribute__((noinline)) void pass_over_no_slot(struct marker *m, uintptr_t value, unsigned at)
{
    pass_over(value);
    taint_at(value);
    if (unlikely(cage_bin_plus_one(cage_unit(value)) || large_id_at(value)))
        look_again(m, value, at);
}

static __attribute__((noinline)) void mark_large(struct marker *m, uintptr_t value, unsigned at)
{
    uint32_t id = large_id_at(value);
    if (!id) {
        pass_over_no_slot(m, value, at);
        return;
    }
    struct large *row = large_row(id);
    bool news = !atomic_load_explicit(&row->mark, memory_order_relaxed) && !atomic_exchange(&row->mark, 1);
    if (unlikely(large_id_at(value) != id)) {
        look_again(m, value, at);
        return;
    }
    if (!news)
        return;
    uintptr_t base = row->base;
    m->marked_blocks++;
    m->marked_bytes += row->bytes;
    if (base)
        push(m, base | LARGE_TAG);
    if (unlikely(holders_wanted))
        note_holder(value, m->pending_from[at]);
}

static bool is_free(const struct slot_word *word, uint64_t bit)
{
    return atomic_load_explicit(&word->free, memory_order_relaxed) & bit;
}

// Who marks a small block counts it when it is scanned.
static inline void push_marked(struct marker *m, struct candidate c, unsigned at)
{
    push(m, c.block);
    if (unlikely(holders_wanted))
        note_holder(c.block, m->pending_from[at]);
}

// The slot is free, or was a moment ago: it is scanned only if it is a block by the time that its mark is there.
static __attribute__((noinline)) void settle_free(struct marker *m, struct candidate c, unsigned at)
{
    struct slot_word *word = &cage.words[c.slot / 64];
    uint64_t bit = 1UL << c.slot % 64;
    pass_over(m->pending_value[at]);
    if (taint_wanted && !(atomic_fetch_or(&word->mark, bit) & bit) && !(atomic_load(&word->free) & bit))
        push_marked(m, c, at);
}

static inline void settle(struct marker *m, struct candidate c, unsigned at)
{
    if (unlikely(c.slot == MARK_LARGE)) {
        mark_large(m, c.block, at);
        return;
    }
    struct slot_word *word = &cage.words[c.slot / 64];
    uint64_t bit = 1UL << c.slot % 64;
    if (atomic_load_explicit(&word->mark, memory_order_relaxed) & bit) {
        if (unlikely(verify_noting) && is_free(word, bit))
            verify_note(m->pending_value[at]);
        return;
    }
    if (unlikely(is_free(word, bit)))
        settle_free(m, c, at);
    else if (!(atomic_fetch_or_explicit(&word->mark, bit, memory_order_relaxed) & bit))
        push_marked(m, c, at);
}

// What a word in the cage points to; no block when it points behind a span's last.
static inline struct candidate candidate_at(uintptr_t value)
{
    size_t unit = cage_unit(value);
    uint32_t bin = cage_bin_plus_one(unit);
    if (unlikely(!bin))
        return (struct candidate){value, MARK_LARGE};
    const struct size_class *c = &class_table[bin - 1];
    uint32_t slot = slot_of(c, (value - cage.base) & (UNIT_BYTES - 1));
    if (unlikely(slot >= c->slots)) {
        taint_at(value);
        return (struct candidate){0};
    }
    size_t number = unit * WORDS_PER_SPAN * 64 + slot;
    __builtin_prefetch(&cage.words[number / 64], 1);
    return (struct candidate){align_down(value, UNIT_BYTES) + (uintptr_t)slot * c->size, number};
}

// Somebody came or went meanwhile (heap/taint.h, T5).
static __attribute__((noinline)) void look_again(struct marker *m, uintptr_t value, unsigned at)
{
    struct candidate c = candidate_at(value);
    if (c.block)
        settle(m, c, at);
}

// A word that points into the cage. Who comes into the ring puts out who was there longest.
static inline void take_candidate(struct marker *m, uintptr_t value)
{
    struct candidate young = candidate_at(value);
    unsigned at = m->pending_at++ % MARK_PENDING;
    struct candidate old = m->pending[at];
    if (old.block)
        settle(m, old, at);
    m->pending[at] = young;
    if (unlikely(holders_wanted))
        m->pending_from[at] = m->from;
    if (unlikely(verify_noting))
        m->pending_value[at] = value;
}

void mark_candidate(struct marker *m, uintptr_t value)
{
    if (cage_contains(value))
        take_candidate(m, value);
}

static void settle_candidates(struct marker *m)
{
    for (unsigned i = 0; i < MARK_PENDING; i++) {
        unsigned at = m->pending_at++ % MARK_PENDING;
        struct candidate c = m->pending[at];
        m->pending[at].block = 0;
        if (c.block)
            settle(m, c, at);
    }
}

void mark_origin(struct marker *m, enum holder_kind kind, uintptr_t moved)
{
    m->origin = (uint8_t)kind;
    m->moved = moved;
    m->from = 0;
}

// Where the pointer stands that is the next candidate, if it leads anywhere new.
static __attribute__((noinline)) void see_holder(struct marker *m, const char *at, size_t bytes,
                                                 uintptr_t value)
{
    m->from = holder_is_news(value)
                  ? holder_at((enum holder_kind)m->origin, holder_place(at, bytes, value) + m->moved)
                  : 0;
}

typedef size_t filter_function(const void *from, size_t bytes, uintptr_t *out);

static inline void mark_filtered(struct marker *m, filter_function *filter, const void *words, size_t bytes)
{
    const char *at = words;
    m->scanned_bytes += bytes;
    while (bytes) {
        // Neighbouring blocks overlap by a word, so that an unaligned pointer across the seam is seen.
        size_t block = min_size(bytes, SCAN_BLOCK_BYTES);
        size_t count = filter(at, block, m->found);
        for (size_t i = 0; i < count; i++) {
            if (unlikely(holders_wanted))
                see_holder(m, at, block, m->found[i]);
            mark_candidate(m, m->found[i]);
        }
        if (block == bytes)
            break;
        at += block - 8;
        bytes -= block - 8;
    }
}

void mark_words(struct marker *m, const void *words, size_t bytes)
{
    mark_filtered(m, scan_filter, words, bytes);
}

void mark_code(struct marker *m, const void *words, size_t bytes)
{
    mark_filtered(m, scan_filter_code, words, bytes);
}

// Part of a block, less the pages that the program made unreadable (U1).
static void mark_part(struct marker *m, uintptr_t at, size_t bytes)
{
    uintptr_t end = at + bytes, part_end;
    mark_origin(m, HOLDER_HEAP, 0);
    if (likely(!atomic_load_explicit(&guards_some, memory_order_relaxed)))
        mark_words(m, (const void *)at, bytes);
    else
        for (; guards_next_readable(&at, end, &part_end); at = part_end)
            mark_words(m, (const void *)at, part_end - at);
}

// The mark word of the slot at p, NULL when it is none.
static _Atomic uint64_t *mark_of_slot(void *p, uint64_t *bit)
{
    uintptr_t address = (uintptr_t)p;
    uint32_t unit = cage_bin_plus_one(cage_unit(address));
    if (!unit)
        return NULL;
    uint32_t slot = slot_of(&class_table[unit - 1], (address - cage.base) & (UNIT_BYTES - 1));
    *bit = 1UL << slot % 64;
    return &cage.words[cage_unit(address) * WORDS_PER_SPAN + slot / 64].mark;
}

bool mark_slot_black(void *p)
{
    uint64_t bit;
    _Atomic uint64_t *word = mark_of_slot(p, &bit);
    return word && !(atomic_fetch_or_explicit(word, bit, memory_order_relaxed) & bit);
}

void mark_slot_white(void *p)
{
    uint64_t bit;
    _Atomic uint64_t *word = mark_of_slot(p, &bit);
    if (word)
        atomic_fetch_and_explicit(word, ~bit, memory_order_relaxed);
}

// One piece; the rest goes back first, so that another worker can take it.
static void scan_large(struct marker *m, uintptr_t at)
{
    uint32_t id = large_id_at(at);
    if (!id)
        return; // freed meanwhile
    const struct large *row = large_row(id);
    if (row->noscan || unlikely(atomic_load(&row->sealed))) // heap/quarantine.h, Q5
        return;
    uintptr_t end = min_size(row->base + row->bytes,
                             cage_top()); // both may be another block's by now: harmless
    if (at >= end)
        return;
    size_t bytes = min_size(end - at, PIECE_BYTES);
    if (bytes < end - at)
        push(m, (at + bytes) | LARGE_TAG);
    mark_part(m, at, min_size(bytes + 8, end - at) & ~7UL);
}

// What lies in slots of most bins counts; of a noted one its note says so. A slot that changes hands while marking runs may have been
// left out as the old block and count as the new one: what it needs is stored in it afterwards (C2), but verification, which looks at
// what has lain there before too, could not tell.
static bool is_scanned(uintptr_t block, unsigned bin)
{
    if (likely(bin < BIN_NOTED) || (bin_is_noted(bin) && options.verify))
        return true;
    return heap_is_scanned(&(struct heap_block){.kind = HEAP_SMALL, .bin = (uint8_t)bin, .base = block});
}

// The bytes of the small block that is grey. A span whose retirement had begun before marking did may have come back in another class since
// the candidate was found (P4): then the address need not be a slot's, and there is none.
static inline size_t bytes_of(uintptr_t entry, unsigned *bin)
{
    uint32_t unit = cage_bin_plus_one(cage_unit(entry));
    bool starts = unit && slot_starts_at(&class_table[unit - 1], (entry - cage.base) & (UNIT_BYTES - 1));
    *bin = unit - 1;
    return starts ? class_table[unit - 1].size : 0;
}

static __attribute__((noinline)) void scan_entry(struct marker *m, uintptr_t entry)
{
    if (entry & LARGE_TAG) {
        scan_large(m, entry & ~LARGE_TAG);
        return;
    }
    unsigned bin;
    size_t bytes = bytes_of(entry, &bin);
    m->marked_blocks += bytes != 0;
    m->marked_bytes += bytes;
    if (bytes && is_scanned(entry, bin))
        mark_part(m, entry, bytes);
}

void mark_contents(struct marker *m, uintptr_t base)
{
    unsigned bin;
    size_t bytes = bytes_of(base, &bin);
    if (!cage_bin_plus_one(cage_unit(base)))
        push(m, base | LARGE_TAG);
    else if (bytes && is_scanned(base, bin))
        mark_part(m, base, bytes);
}

// The same for most blocks, which are small and hold a few pointers or none: without the detour by way of found[].
AVX2_INLINE void scan_entry_avx2(struct marker *m, uintptr_t entry, uint64_t wanted,
                                 const struct scan_pattern *p)
{
    unsigned bin;
    size_t bytes = bytes_of(entry, &bin); // 0 for a part of a large one
    if (unlikely(bytes - 1 >= SCAN_SMALL_MOST || bin >= BIN_NOTED ||
                 atomic_load_explicit(&guards_some, memory_order_relaxed))) {
        scan_entry(m, entry);
        return;
    }
    uint64_t halves = scan_small((const char *)entry, bytes, p);
    if (unlikely(halves == UINT64_MAX)) {
        scan_entry(m, entry);
        return;
    }
    m->marked_blocks++;
    m->marked_bytes += bytes;
    m->scanned_bytes += bytes;
    for (halves &= wanted; halves; halves &= halves - 1) {
        const uintptr_t *at = (const uintptr_t *)(entry + 4 * (size_t)__builtin_ctzl(halves) - 4);
        uintptr_t value = __atomic_load_n(at, __ATOMIC_RELAXED) & SCAN_UNTAGGED;
        if (cage_contains(value))
            take_candidate(m, value);
    }
}

// The next entry of this marker or of the pool into the ring of those being fetched.
static bool fetch_ahead(struct marker *m)
{
    if (!m->local || m->local->count == 0) {
        struct grey_chunk *more = grey_take();
        if (!more)
            return false;
        if (m->local)
            grey_drop(m->local);
        m->local = more;
    }
    uintptr_t entry = m->local->entries[--m->local->count];
    __builtin_prefetch((const void *)(entry & ~LARGE_TAG));
    __builtin_prefetch((const void *)((entry & ~LARGE_TAG) + 64));
    m->ahead[(m->ahead_at + m->ahead_count++) % MARK_AHEAD] = entry;
    return true;
}

// Half of the ring at once: prefetches in a row overlap also where each needs a walk through the page tables, those that the scan of a
// block lies between do not (162 ns a block became 43 in a tree in random order).
static bool take_ahead(struct marker *m, uintptr_t *entry)
{
    if (m->ahead_count <= MARK_AHEAD / 2)
        while (m->ahead_count < MARK_AHEAD && fetch_ahead(m))
            ;
    if (m->ahead_count == 0)
        return false;
    *entry = m->ahead[m->ahead_at++ % MARK_AHEAD];
    m->ahead_count--;
    return true;
}

// Others are out of work: they get the older half of ours. Of a tree that is a few blocks, and most of what there is to do.
static void share(struct marker *m)
{
    struct grey_chunk *local = m->local;
    struct grey_chunk *half = local && local->count >= SHARE_LEAST ? grey_try_new() : NULL;
    if (!half)
        return;
    half->count = local->count / 2;
    memcpy(half->entries, local->entries, half->count * sizeof half->entries[0]);
    local->count -= half->count;
    memmove(local->entries, local->entries + half->count, local->count * sizeof local->entries[0]);
    grey_give(half);
    grey_no_longer_wanted();
}

// Whether there is an entry to scan.
static inline bool next_entry(struct marker *m, uintptr_t *entry)
{
    if (likely(take_ahead(m, entry)))
        return true;
    settle_candidates(m);
    return take_ahead(m, entry);
}

static inline void share_if_wanted(struct marker *m)
{
    if (unlikely(crew_is_hungry() || atomic_load_explicit(&grey_wanted, memory_order_relaxed)) &&
        grey_is_empty())
        share(m);
}

static bool drain(struct marker *m, uint64_t stop_at)
{
    for (uintptr_t entry; m->scanned_bytes < stop_at; share_if_wanted(m)) {
        if (!next_entry(m, &entry))
            return true;
        scan_entry(m, entry);
    }
    return false;
}

static __attribute__((target("avx2,bmi"))) bool drain_avx2(struct marker *m, uint64_t stop_at)
{
    const struct scan_pattern pattern = scan_pattern_of_cage();
    const uint64_t wanted = scan_halves;
    for (uintptr_t entry; m->scanned_bytes < stop_at; share_if_wanted(m)) {
        if (!next_entry(m, &entry))
            return true;
        scan_entry_avx2(m, entry, wanted, &pattern);
    }
    return false;
}

bool mark_drain(struct marker *m, uint64_t budget)
{
    uint64_t stop_at = m->scanned_bytes + budget;
    if (stop_at < budget)
        stop_at = UINT64_MAX;
    return scan_halves && !holders_wanted ? drain_avx2(m, stop_at) : drain(m, stop_at);
}

void mark_settle(struct marker *m)
{
    settle_candidates(m);
    for (; m->ahead_count; m->ahead_count--)
        push(m, m->ahead[m->ahead_at++ % MARK_AHEAD]);
    if (m->local && m->local->count)
        grey_give(m->local);
    else if (m->local)
        grey_drop(m->local);
    m->local = NULL;
}

// The part of [lo, hi) inside a block, a word wider on both sides for unaligned pointers across the page's edge.
static void rescan_part(struct marker *m, uintptr_t block, uintptr_t block_end, uintptr_t lo, uintptr_t hi)
{
    uintptr_t from = max_size(block, lo - 8), to = min_size(block_end, hi + 8);
    if (from < to)
        mark_part(m, from, (to - from) & ~7UL);
}

static inline bool holds_marked_block(uintptr_t base, uint32_t slot)
{
    const struct slot_word *word = &cage.words[cage_unit(base) * WORDS_PER_SPAN + slot / 64];
    uint64_t bit = 1UL << slot % 64;
    return (atomic_load_explicit(&word->mark, memory_order_relaxed) & bit) &&
           !(atomic_load_explicit(&word->free, memory_order_relaxed) & bit);
}

// Blocks in a row are read as one. One by one took a half longer, and a program that wrote faster than that was never caught up with. Two
// halves of neighbours that look like a pointer mark too much, as halves of one block do.
static void rescan_span(struct marker *m, uintptr_t base, unsigned bin, uintptr_t lo, uintptr_t hi)
{
    const struct size_class *c = &class_table[bin];
    uint32_t slot = slot_of(c, (uint32_t)(lo - base)),
             end = min_size(slot_of(c, (uint32_t)(hi - 1 - base)) + 1, c->slots);
    if (bin_is_noscan(bin))
        return;
    for (uint32_t from = slot; slot < end; from = ++slot) {
        while (slot < end && holds_marked_block(base, slot) &&
               is_scanned(base + (uintptr_t)slot * c->size, bin))
            slot++;
        if (from < slot)
            rescan_part(m, base + (uintptr_t)from * c->size, base + (uintptr_t)slot * c->size, lo, hi);
    }
}

static void rescan_large(struct marker *m, uintptr_t lo, uintptr_t hi)
{
    for (; lo < hi; lo += PAGE_BYTES) {
        uint32_t id = large_id_at(lo);
        const struct large *row = large_row(id);
        if (!id || row->noscan || !atomic_load_explicit(&row->mark, memory_order_relaxed) ||
            atomic_load(&row->sealed))
            continue;
        rescan_part(m, row->base, min_size(row->base + row->bytes, cage_top()), lo, lo + PAGE_BYTES);
    }
}

void mark_rescan(struct marker *m, uintptr_t lo, uintptr_t hi)
{
    while (lo < hi) {
        uintptr_t base = align_down(lo, UNIT_BYTES), end = min_size(base + UNIT_BYTES, hi);
        uint32_t unit = cage_bin_plus_one(cage_unit(lo));
        if (unit)
            rescan_span(m, base, unit - 1, lo, end);
        else
            rescan_large(m, lo, end);
        lo = end;
    }
}

void mark_clear_all(void)
{
    size_t units = (cage_top() - cage.base) >> UNIT_SHIFT;
    for (size_t unit = 0; unit < units; unit++)
        if (cage.units[unit])
            for (unsigned w = 0; w < WORDS_PER_SPAN; w++)
                atomic_store_explicit(&cage.words[unit * WORDS_PER_SPAN + w].mark, 0, memory_order_relaxed);
    for (uint32_t id = 1; id < large_id_end(); id++)
        atomic_store_explicit(&large_row(id)->mark, 0, memory_order_relaxed);
}
