#include "heap/vacant.h"

#include "heap/span.h"
#include "sys/syscall.h"

enum { SPAN_PAGES = UNIT_BYTES >> PAGE_SHIFT, ALL_PAGES = (1 << SPAN_PAGES) - 1 };

_Static_assert(VACANT_GROUP *WORDS_PER_SPAN * sizeof(struct slot_word) == PAGE_BYTES, "N2");

static bool all_free(const struct slot_word *words, unsigned first, unsigned last)
{
    for (unsigned w = first / 64; w <= last / 64; w++) {
        uint64_t wanted = w == first / 64 ? ~0UL << first % 64 : ~0UL;
        if (w == last / 64)
            wanted &= ~0UL >> (63 - last % 64);
        if (wanted & ~atomic_load_explicit(&words[w].free, memory_order_relaxed))
            return false;
    }
    return true;
}

// What lies behind the last slot is nobody's.
static bool is_vacant(const struct span *s, const struct size_class *c, unsigned page)
{
    uint32_t lo = page << PAGE_SHIFT, hi = lo + (uint32_t)PAGE_BYTES - 1;
    unsigned first = slot_of(c, lo), last = slot_of(c, hi);
    return first >= c->slots || all_free(span_words(s), first, last < c->slots ? last : c->slots - 1u);
}

static uint32_t pages_of(const struct span *s)
{
    uint16_t now = atomic_load(&s->bin_state);
    uint32_t pages = 0;
    if ((now & 0xFF) != SPAN_PARTIAL)
        return s->pooled ? ALL_PAGES : 0;
    for (unsigned page = 0; page < SPAN_PAGES; page++)
        pages |= (uint32_t)is_vacant(s, &class_table[now >> 8], page) << page;
    return pages;
}

uint32_t vacant_pages(size_t unit) { return pages_of(&cage.spans[unit]); }

static size_t used_bytes(size_t unit, const struct size_class *c)
{
    const struct slot_word *words = span_words(&cage.spans[unit]);
    size_t used = 0;
    for (unsigned w = 0; w < c->words; w++)
        used += (unsigned)__builtin_popcountl(~atomic_load_explicit(&words[w].free, memory_order_relaxed) &
                                              span_valid(c, w));
    return used * c->size;
}

size_t vacant_waste(size_t unit, uint32_t resident)
{
    uint32_t bin = cage_bin_plus_one(unit);
    if (!bin)
        return 0;
    size_t there = (size_t)__builtin_popcount(resident & ~vacant_pages(unit)) << PAGE_SHIFT;
    return there - min_size(used_bytes(unit, &class_table[bin - 1]), there);
}

// The pages of the lowest run, which goes out of *pages.
static uint32_t take_run(uint32_t *pages, unsigned *first)
{
    *first = (unsigned)__builtin_ctz(*pages);
    uint32_t without = *pages + (1u << *first), run = *pages & ~without;
    *pages &= without;
    return run;
}

static uint32_t drop(uintptr_t base, uint32_t pages, bool *refused)
{
    uint32_t dropped = 0;
    while (pages && !*refused) {
        unsigned first;
        uint32_t run = take_run(&pages, &first);
        size_t bytes = (size_t)__builtin_popcount(run) << PAGE_SHIFT;
        *refused = sys_madvise((void *)(base + ((uintptr_t)first << PAGE_SHIFT)), bytes, MADV_DONTNEED) != 0;
        dropped |= *refused ? 0 : run;
    }
    return dropped;
}

uint32_t vacant_drop(size_t unit, uint32_t pages, bool *refused)
{
    struct span *s = &cage.spans[unit];
    uint32_t dropped;
    if (!span_hold(s))
        return 0;
    pages &= pages_of(s);
    dropped = drop(span_base(s), pages, refused);
    span_let_go(s, dropped && dropped == pages);
    return dropped;
}

bool vacant_drop_table(size_t unit)
{
    struct span *s = &cage.spans[unit];
    bool dropped;
    if (!s->pooled || !span_hold(s))
        return false;
    bool all = s->pooled; // then the pool's lock is held, for all four
    for (unsigned i = 1; i < VACANT_GROUP; i++)
        all &= s[i].pooled;
    dropped = all && sys_madvise(span_words(s), PAGE_BYTES, MADV_DONTNEED) == 0;
    span_let_go(s, false);
    return dropped;
}
