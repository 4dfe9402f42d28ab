#include "heap/probation.h"

#include "base/log.h"
#include "heap/extent.h"
#include "heap/guards.h"
#include "heap/heap.h"
#include "heap/quarantine.h"
#include "heap/special.h"

#include <string.h>

struct record {
    uint32_t checksum;
    uint16_t slot;
    uint16_t sweeps; // that condemned it
};

struct watched {
    size_t count;
    struct record list[];
};

enum { STRIPES = 16, NO_CLASS = CLASS_COUNT };

static struct stripe {
    struct lock guard;
    uint64_t pad[7];
} stripes[STRIPES] = {[0 ... STRIPES - 1] = {LOCK_INIT(LOCK_RANK_PROBATION), {0}}};

static unsigned wanted;                          // probation_begin's
static _Atomic bool distrusted[CLASS_COUNT + 1]; // by size class, the last for large blocks
static _Atomic unsigned distrusted_count;

static struct lock *guard_of(const struct span *s)
{
    return &stripes[(size_t)(s - cage.spans) % STRIPES].guard;
}

static unsigned size_index(unsigned bin) { return bin < BIN_COUNT ? bin % CLASS_COUNT : NO_CLASS; }

void probation_begin(unsigned sweeps) { wanted = sweeps; }

// --- checksums ----------------------------------------------------------------------------------------------

// Of two interleaved rows of words, so that the multiplications overlap. bytes is a multiple of 16.
static uint64_t mix(uint64_t h, const uint64_t *words, size_t bytes)
{
    const uint64_t prime = 0x9e3779b97f4a7c15;
    uint64_t a = h, b = ~h;
    for (size_t i = 0; i < bytes / 16; i++) {
        a = (a ^ words[2 * i]) * prime;
        b = (b ^ words[2 * i + 1]) * prime;
        a ^= a >> 29;
        b ^= b >> 31;
    }
    return a + (b << 1);
}

static uint64_t mix_readable(uint64_t h, uintptr_t at, size_t bytes)
{
    uintptr_t end = at + bytes, part_end;
    if (likely(!guards_some))
        return mix(h, (const uint64_t *)at, bytes);
    for (; guards_next_readable(&at, end, &part_end); at = part_end)
        h = mix(h, (const uint64_t *)at, part_end - at);
    return h;
}

static uint32_t fold(uint64_t h) { return (uint32_t)(h ^ h >> 32); }

static uint32_t checksum_of(uintptr_t base, size_t bytes) { return fold(mix_readable(1, base, bytes)); }

// Of a large block a number of pages, evenly spread, the first and the last among them: the whole could be gigabytes, or pages that
// were never touched.
static uint32_t checksum_of_pages(uintptr_t base, size_t bytes)
{
    enum { PAGES = 32 };
    size_t pages = bytes >> PAGE_SHIFT, looked_at = min_size(pages, PAGES);
    uint64_t h = bytes;
    for (size_t i = 0; i < looked_at; i++) {
        size_t page = looked_at > 1 ? i * (pages - 1) / (looked_at - 1) : 0;
        h = mix_readable(h, base + (page << PAGE_SHIFT), PAGE_BYTES);
    }
    return fold(h);
}

// --- finds --------------------------------------------------------------------------------------------------

void probation_report(uintptr_t base, size_t bytes, unsigned bin, enum find how)
{
    static const char *const done[] = {"freed", "resized", "measured", "written"};
    if (how == FOUND_NOTHING || atomic_exchange(&distrusted[size_index(bin)], true))
        return;
    log_line(
        "a block of %lu bytes at %p was %s after it had been condemned: the program hides pointers where "
        "they cannot be seen; blocks of this size are not reclaimed any more",
        bytes, (void *)base, done[how]);
    if (atomic_fetch_add(&distrusted_count, 1) + 1 == SIZES_ENOUGH)
        heap_upcalls.hidden_pointers();
}

// --- spans --------------------------------------------------------------------------------------------------

static size_t count_bits(const uint64_t *words, unsigned n)
{
    size_t count = 0;
    for (unsigned w = 0; w < n; w++)
        count += (unsigned)__builtin_popcountl(words[w]);
    return count;
}

static uintptr_t slot_address(const struct span *s, unsigned slot)
{
    return span_base(s) + (uintptr_t)slot * class_table[span_bin(s)].size;
}

static bool take_bit(uint64_t *words, unsigned slot)
{
    uint64_t bit = 1UL << slot % 64, was = words[slot / 64] & bit;
    words[slot / 64] &= ~bit;
    return was;
}

// A record of the last sweep meets this one: its next state; `sweeps` 0 when it ends. The slot's bit in dead says whether it is freed.
static struct record review(const struct span *s, struct record r, uint64_t *dead, enum find *find)
{
    uint32_t now;
    if (!take_bit(dead, r.slot))
        return (struct record){0};
    now = checksum_of(slot_address(s, r.slot), class_table[span_bin(s)].size);
    if (now != r.checksum) {
        *find = FOUND_WRITTEN;
        return (struct record){0};
    }
    if (r.sweeps < wanted) {
        r.sweeps += r.sweeps < UINT16_MAX;
        return r;
    }
    dead[r.slot / 64] |= 1UL << r.slot % 64;
    return (struct record){0};
}

static struct record condemn(const struct span *s, unsigned slot)
{
    return (struct record){checksum_of(slot_address(s, slot), class_table[span_bin(s)].size), (uint16_t)slot,
                           1};
}

// Merges the old records with the newly condemned, ascending; returns how many there are, and the slot of a find.
static size_t merge(const struct span *s, uint64_t *dead, struct watched *into, unsigned *found,
                    enum find *find)
{
    const struct watched *old = s->watched;
    size_t at = 0, n = 0;
    for (unsigned w = 0; w < class_table[span_bin(s)].words; w++) {
        uint64_t fresh = dead[w];
        for (; old && at < old->count && old->list[at].slot / 64 == w; at++) {
            if (!old->list[at].sweeps) // used since
                continue;
            enum find this = FOUND_NOTHING;
            fresh &= ~(1UL << old->list[at].slot % 64);
            struct record r = review(s, old->list[at], dead, &this);
            if (this != FOUND_NOTHING) {
                *find = this;
                *found = old->list[at].slot;
            }
            if (r.sweeps)
                into->list[n++] = r;
        }
        for (; wanted && fresh; fresh &= fresh - 1) {
            unsigned slot = w * 64 + (unsigned)__builtin_ctzl(fresh);
            take_bit(dead, slot);
            into->list[n++] = condemn(s, slot);
        }
    }
    return n;
}

static int by_slot(const void *a, const void *b)
{
    return ((const struct record *)a)->slot - ((const struct record *)b)->slot;
}

static void sort(struct watched *list)
{
    for (size_t i = 1; i < list->count; i++) { // old and new records of a word: nearly sorted
        struct record r = list->list[i];
        size_t at = i;
        for (; at > 0 && by_slot(&list->list[at - 1], &r) > 0; at--)
            list->list[at] = list->list[at - 1];
        list->list[at] = r;
    }
}

static void set_records(struct span *s, struct watched *records)
{
    if (s->watched)
        extent_meta_free(s->watched);
    s->watched = records;
    if (records)
        atomic_fetch_or(&cage.units[s - cage.spans], UNIT_WATCHED);
    else if (!quarantine_on)
        specials_unwatch(s);
}

void probation_sweep(struct span *s, uint64_t *dead)
{
    unsigned words = class_table[span_bin(s)].words, found = 0;
    size_t most = count_bits(dead, words) + (s->watched ? s->watched->count : 0);
    enum find find = FOUND_NOTHING;
    if (likely(!s->watched && (!wanted || !most) && !distrusted[size_index(span_bin(s))]))
        return;
    lock_acquire(guard_of(s));
    bool trusted = !distrusted[size_index(span_bin(s))];
    struct watched *records = most && trusted
                                  ? extent_meta_alloc(sizeof *records + most * sizeof records->list[0])
                                  : NULL;
    if (records) {
        records->count = merge(s, dead, records, &found, &find);
        sort(records);
        if (!records->count) {
            extent_meta_free(records);
            records = NULL;
        }
    } else {
        memset(dead, 0, words * sizeof dead[0]); // O3, O5
    }
    if (find != FOUND_NOTHING)
        memset(dead, 0, words * sizeof dead[0]);
    set_records(s, records);
    lock_release(guard_of(s));
    if (find != FOUND_NOTHING)
        probation_report(slot_address(s, found), class_table[span_bin(s)].size, span_bin(s), find);
}

void probation_forget(struct span *s)
{
    if (likely(!s->watched))
        return;
    lock_acquire(guard_of(s));
    set_records(s, NULL);
    lock_release(guard_of(s));
}

static struct record *find_record(struct watched *list, unsigned slot)
{
    size_t lo = 0, hi = list ? list->count : 0;
    while (lo < hi) {
        size_t middle = (lo + hi) / 2;
        if (list->list[middle].slot < slot)
            lo = middle + 1;
        else
            hi = middle;
    }
    return list && lo < list->count && list->list[lo].slot == slot ? &list->list[lo] : NULL;
}

bool probation_used(uintptr_t base, unsigned bin)
{
    struct span *s = &cage.spans[cage_unit(base)];
    unsigned slot = slot_of(&class_table[bin], (base - cage.base) & (UNIT_BYTES - 1));
    if (!__atomic_load_n(&s->watched,
                         __ATOMIC_RELAXED)) // O4; and under quarantine all units say that they are watched
        return false;
    lock_acquire(guard_of(s));
    struct record *r = find_record(s->watched, slot);
    bool was = r && r->sweeps;
    if (was)
        r->sweeps = 0;
    lock_release(guard_of(s));
    return was;
}

// --- large blocks -------------------------------------------------------------------------------------------

bool probation_large(uintptr_t base, size_t bytes, uint16_t *record, uint32_t *checksum, enum find *find)
{
    uint32_t now;
    if (distrusted[NO_CLASS])
        return false;
    if (!wanted && !*record)
        return true;
    now = checksum_of_pages(base, bytes);
    if (*record && now != *checksum)
        *find = FOUND_WRITTEN;
    else if (*record >= wanted)
        return true;
    *checksum = now;
    *record = *find == FOUND_WRITTEN ? 0 : (uint16_t)(*record + (*record < UINT16_MAX));
    return false;
}

void probation_each(void (*visit)(const struct heap_block *block, unsigned sweeps))
{
    size_t units = (cage_top() - cage.base) >> UNIT_SHIFT;
    for (size_t unit = 0; unit < units; unit++) {
        struct span *s = &cage.spans[unit];
        if (!(atomic_load(&cage.units[unit]) & UNIT_WATCHED))
            continue;
        lock_acquire(guard_of(s));
        for (size_t i = 0; s->watched && i < s->watched->count; i++) {
            struct heap_block b = heap_find(slot_address(s, s->watched->list[i].slot));
            if (s->watched->list[i].sweeps)
                visit(&b, s->watched->list[i].sweeps);
        }
        lock_release(guard_of(s));
    }
    large_each_condemned(visit);
}

// --- fork ---------------------------------------------------------------------------------------------------

void probation_fork_prepare(void)
{
    for (size_t i = 0; i < STRIPES; i++)
        lock_acquire(&stripes[i].guard);
}

void probation_fork_done(void)
{
    for (size_t i = STRIPES; i-- > 0;)
        lock_release(&stripes[i].guard);
}
