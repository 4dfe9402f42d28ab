#include "heap/cache.h"

#include "base/log.h"
#include "base/meta.h"
#include "heap/heap.h"

#include <string.h>

__thread struct cache cache_self;

// Arrays of dead threads, by class, for the next thread: a stack threaded through slot[0].
static struct lock spare_guard = LOCK_INIT(LOCK_RANK_POOL);
static void **spare[CLASS_COUNT];

static bool open_magazine(struct magazine *m, unsigned bin)
{
    unsigned class = bin % CLASS_COUNT;
    uint32_t capacity = class_table[bin].magazine;
    lock_acquire(&spare_guard);
    void **array = spare[class];
    if (array)
        spare[class] = array[0];
    lock_release(&spare_guard);
    if (!array)
        array = meta_alloc((capacity + 1) * sizeof array[0]);
    if (!array)
        return false;
    array[0] = NULL;
    m->slot = array + 1;
    m->limit = capacity;
    return true;
}

static void close_magazine(struct magazine *m, unsigned bin)
{
    unsigned class = bin % CLASS_COUNT;
    void **array = m->slot - 1;
    m->limit = 0;
    m->slot = NULL;
    lock_acquire(&spare_guard);
    array[0] = spare[class];
    spare[class] = array;
    lock_release(&spare_guard);
}

// Claims up to `want` slots from this thread's current span, and from others until there is at least one.
static unsigned claim(struct cache *c, unsigned bin, void **out, unsigned want)
{
    unsigned got = 0;
    while (got == 0) {
        struct span *s = c->current[bin];
        unsigned w = c->next_word[bin];
        if (!s) {
            s = span_take(bin);
            if (!s)
                break;
            c->current[bin] = s;
            w = 0;
        }
        span_ready(s);
        got = span_claim(s, &w, out, want);
        c->next_word[bin] = (uint8_t)w;
        if (w >= class_table[bin].words) {
            c->current[bin] = NULL;
            span_release(s);
        }
    }
    if (got)
        heap_count_alloc((size_t)got * class_table[bin].size);
    return got;
}

static void reverse(void **slots, unsigned n)
{
    for (unsigned i = 0; i < n / 2; i++) {
        void *p = slots[i];
        slots[i] = slots[n - 1 - i];
        slots[n - 1 - i] = p;
    }
}

static void *alloc_single(struct cache *c, unsigned bin)
{
    void *p = NULL;
    claim(c, bin, &p, 1);
    if (c->current[bin]) { // a dead cache holds no span
        struct span *s = c->current[bin];
        c->current[bin] = NULL;
        span_release(s);
    }
    return p;
}

void *cache_alloc(struct cache *c, unsigned bin)
{
    struct magazine *m = &c->magazines[bin];
    void *p = magazine_pop(m);
    if (p)
        return p;
    if (c->state != CACHE_LIVE || (!m->slot && !open_magazine(m, bin)))
        return alloc_single(c, bin);
    // Half a magazine: the other half is room for what the program frees.
    unsigned got = claim(c, bin, m->slot, (m->limit + 1) / 2);
    reverse(m->slot, got); // popped in ascending order
    m->n = got;
    c->refills++;
    return magazine_pop(m);
}

static void give_back(unsigned bin, void *const *slots, size_t n)
{
    const struct size_class *class = &class_table[bin];
    for (size_t i = 0; i < n;) {
        struct span *s = &cage.spans[cage_unit((uintptr_t)slots[i])];
        uintptr_t base = span_base(s);
        unsigned w = slot_of(class, (uint32_t)((uintptr_t)slots[i] - base)) / 64;
        uint64_t bits = 0;
        for (; i < n; i++) { // neighbours in the array are often neighbours in the word
            uintptr_t offset = (uintptr_t)slots[i] - base;
            if (offset >= UNIT_BYTES)
                break;
            unsigned slot = slot_of(class, (uint32_t)offset);
            if (slot / 64 != w || bits >> slot % 64 & 1)
                break;
            bits |= 1UL << slot % 64;
        }
        uint64_t twice = span_give(s, w, bits);
        heap_count_free((size_t)__builtin_popcountl(bits & ~twice) * class->size);
        if (twice)
            heap_report_double_free(
                (void *)(base + (w * 64 + (unsigned)__builtin_ctzl(twice)) * (uintptr_t) class->size));
    }
}

void cache_free(struct cache *c, unsigned bin, void *p)
{
    struct magazine *m = &c->magazines[bin];
    if (magazine_push(m, p))
        return;
    if (c->state != CACHE_LIVE || (!m->slot && !open_magazine(m, bin))) {
        give_back(bin, &p, 1);
        return;
    }
    if (m->slot[(ptrdiff_t)m->n - 1] == p) { // G3
        heap_report_double_free(p);
        return;
    }
    if (m->n == m->limit) { // the older half goes: its lines are colder
        uint32_t half = (m->n + 1) / 2;
        give_back(bin, m->slot, half);
        memmove(m->slot, m->slot + half, (m->n - half) * sizeof m->slot[0]);
        m->n -= half;
    }
    magazine_push(m, p);
}

void cache_flush(struct cache *c)
{
    for (unsigned bin = 0; bin < BIN_COUNT; bin++) {
        struct magazine *m = &c->magazines[bin];
        uint32_t n = m->n;
        m->n = 0;
        if (n)
            give_back(bin, m->slot, n);
        if (c->current[bin]) {
            struct span *s = c->current[bin];
            c->current[bin] = NULL;
            span_release(s);
        }
    }
}

void cache_kill(struct cache *c)
{
    cache_flush(c);
    c->state = CACHE_DEAD;
    for (unsigned bin = 0; bin < BIN_COUNT; bin++)
        if (c->magazines[bin].slot)
            close_magazine(&c->magazines[bin], bin);
}

void cache_visit(const struct cache *c, void (*visit)(void *const *slots, size_t n))
{
    for (unsigned bin = 0; bin < BIN_COUNT; bin++)
        if (c->magazines[bin].n)
            visit(c->magazines[bin].slot, c->magazines[bin].n);
}

void cache_fork_prepare(void) { lock_acquire(&spare_guard); }

void cache_fork_done(void) { lock_release(&spare_guard); }

void cache_orphan(struct cache *c)
{
    for (unsigned bin = 0; bin < BIN_COUNT; bin++) {
        c->magazines[bin].n = 0; // its slots stay claimed; the next cycle finds them unreachable
        if (c->current[bin])
            span_release(c->current[bin]);
        c->current[bin] = NULL;
    }
}
