#include "heap/cache.h"

#include "base/log.h"
#include "base/meta.h"
#include "heap/heap.h"
#include "heap/quarantine.h"

#include <string.h>

__thread struct cache cache_self;
_Atomic bool cache_one_thread = true;

enum { GROWTH = 4, LARGE_BYTES = 64 * 1024, LARGE_LEAST = 8, TURNS = 64 };
#define GROWN_MOST (512 * KIB) // of slots, by one thread: what its magazines may keep beyond their first size

// Arrays that no magazine has, by size and class: a stack threaded through slot[0].
static struct lock spare_guard = LOCK_INIT(LOCK_RANK_POOL);
static void **spare[2][CLASS_COUNT];

static uint32_t capacity_of(unsigned bin, bool large)
{
    uint32_t small = class_table[bin].magazine, size = class_table[bin].size;
    uint32_t most = LARGE_BYTES / size < LARGE_LEAST ? LARGE_LEAST : LARGE_BYTES / size;
    return large ? (uint32_t)min_size(small * GROWTH, most) : small;
}

static bool is_large(const struct magazine *m, unsigned bin) { return m->limit > class_table[bin].magazine; }

static void **take_array(unsigned bin, bool large)
{
    unsigned class = bin % CLASS_COUNT;
    lock_acquire(&spare_guard);
    void **array = spare[large][class];
    if (array)
        spare[large][class] = array[0];
    lock_release(&spare_guard);
    if (!array)
        array = meta_alloc((capacity_of(bin, large) + 1) * sizeof array[0]);
    if (array)
        array[0] = NULL;
    return array;
}

static void put_array(void **array, unsigned bin, bool large)
{
    unsigned class = bin % CLASS_COUNT;
    lock_acquire(&spare_guard);
    array[0] = spare[large][class];
    spare[large][class] = array;
    lock_release(&spare_guard);
}

static bool open_magazine(struct magazine *m, unsigned bin)
{
    void **array = take_array(bin, false);
    if (!array)
        return false;
    m->slot = array + 1;
    m->limit = capacity_of(bin, false);
    return true;
}

static void close_magazine(struct magazine *m, unsigned bin)
{
    void **array = m->slot - 1;
    bool large = is_large(m, bin);
    m->limit = 0;
    m->slot = NULL;
    put_array(array, bin, large);
}

// It ran empty, or was full. One that does so again and again gets more room: G5.
static void note_turn(struct cache *c, unsigned bin)
{
    struct shelf *shelf = cache_shelf(c, bin);
    struct magazine *m = &shelf->magazines[bin % BIN_NOTED];
    size_t more = (capacity_of(bin, true) - capacity_of(bin, false)) * (size_t)class_table[bin].size;
    if (is_large(m, bin) || ++shelf->turns[bin % BIN_NOTED] < TURNS || c->grown_bytes + more > GROWN_MOST)
        return;
    void **array = take_array(bin, true), **before = m->slot - 1;
    if (!array)
        return;
    memcpy(array + 1, m->slot, m->n * sizeof array[0]);
    m->slot = array + 1;
    atomic_signal_fence(
        memory_order_seq_cst); // a forked child may meet the first without the second; the other way round it would overrun
    m->limit = capacity_of(bin, true);
    put_array(before, bin, false);
    c->grown_bytes += more;
}

// --- shelves ------------------------------------------------------------------------------------------------

static struct shelf *spare_shelves; // of dead threads, chained through current[0]; spare_guard

bool cache_can_keep(struct cache *c, unsigned bin)
{
    if (likely(cache_shelf(c, bin) != NULL) || c->state != CACHE_LIVE)
        return cache_shelf(c, bin);
    lock_acquire(&spare_guard);
    struct shelf *shelf = spare_shelves;
    if (shelf)
        spare_shelves = (struct shelf *)shelf->current[0];
    lock_release(&spare_guard);
    if (!shelf)
        shelf = meta_alloc(sizeof *shelf);
    if (shelf)
        memset(shelf, 0, sizeof *shelf);
    *(bin_is_noscan(bin) ? &c->noscan : &c->noted) = shelf;
    return shelf;
}

static void put_away(struct shelf *shelf)
{
    if (!shelf)
        return;
    lock_acquire(&spare_guard);
    shelf->current[0] = (struct span *)spare_shelves;
    spare_shelves = shelf;
    lock_release(&spare_guard);
}

// Calls do_it for each shelf, with the first of its bins.
static void each_shelf(struct cache *c, void (*do_it)(struct shelf *shelf, unsigned first_bin))
{
    do_it(&c->plain, 0);
    if (c->noted)
        do_it(c->noted, BIN_NOTED);
    if (c->noscan)
        do_it(c->noscan, BIN_NOSCAN);
}

// --- allocating ---------------------------------------------------------------------------------------------

// Claims up to `want` slots from this thread's current span, and from others until there is at least one.
static unsigned claim(struct cache *c, unsigned bin, void **out, unsigned want)
{
    struct shelf *shelf = cache_shelf(c, bin);
    unsigned got = 0, at = bin % BIN_NOTED;
    while (got == 0) {
        struct span *s = shelf->current[at];
        unsigned w = shelf->next_word[at];
        if (!s) {
            s = span_take(bin);
            if (!s)
                break;
            shelf->current[at] = s;
            w = 0;
        }
        span_ready(s);
        got = span_claim(s, &w, out, want);
        shelf->next_word[at] = (uint8_t)w;
        if (w >= class_table[bin].words) {
            shelf->current[at] = NULL;
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

static void let_go(struct shelf *shelf, unsigned at)
{
    struct span *s = shelf->current[at];
    shelf->current[at] = NULL;
    if (s)
        span_release(s);
}

// --- sampling -----------------------------------------------------------------------------------------------

size_t cache_sample_bytes;

// xorshift64* (Vigna 2016).
static uint64_t throw_dice(struct cache *c)
{
    uint64_t x = c->dice ? c->dice : (uintptr_t)c | 1;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    c->dice = x;
    return x * 0x2545f4914f6cdd1d;
}

// No function of libm: an executable may have a log() of its own, which would be called here, in the middle of malloc.

// The logarithm of 1 + f, 0 <= f < 1, to six places: twice the inverse hyperbolic tangent of f / (2 + f).
static double log_one_plus(double f)
{
    double s = f / (2 + f), q = s * s;
    return 2 * s * (1 + q * (1 / 3.0 + q * (1 / 5.0 + q * (1 / 7.0 + q * (1 / 9.0 + q / 11)))));
}

// 1 - exp(-x), x >= 0, to seven places: the series for a small part of x, doubled.
static double one_less_exp(double x)
{
    unsigned doublings = 0;
    if (x > 40)
        return 1;
    for (; x > 0.125; x /= 2)
        doublings++;
    double e = x * (1 - x / 2 * (1 - x / 3 * (1 - x / 4 * (1 - x / 5))));
    for (; doublings; doublings--)
        e *= 2 - e;
    return e;
}

// Exponentially distributed with this mean, from 1 on.
static size_t exponential(uint64_t dice, size_t mean)
{
    const double ln2 = 0.69314718055994531;
    uint64_t u = dice | 1;
    int places = __builtin_clzl(u);
    double fraction = (double)(u << places << 1) / 0x1p64; // u = 2^(63 - places) * (1 + fraction)
    double minus_log = (places + 1) * ln2 - log_one_plus(fraction);
    return (size_t)((minus_log > 0 ? minus_log : 0) * (double)mean) + 1;
}

// What the short path has given out since quick was set is requested now. A signal handler's malloc may have set it in between, hence the
// comparison.
static void settle(struct cache *c)
{
    size_t used = c->granted - min_size(c->quick, c->granted);
    c->until_sample -= min_size(used, c->until_sample);
    c->granted = c->quick = 0;
}

bool cache_is_sample(struct cache *c, size_t n)
{
    settle(c);
    if (unlikely(!c->dice))
        c->until_sample = exponential(throw_dice(c), cache_sample_bytes);
    if (n < c->until_sample) {
        c->until_sample -= n;
        return false;
    }
    c->until_sample = exponential(throw_dice(c), cache_sample_bytes);
    return true;
}

uint32_t cache_sample_weight(struct cache *c, size_t n)
{
    double weight = 1 / one_less_exp((double)max_size(n, 1) / (double)cache_sample_bytes);
    double rounded = weight + (double)(throw_dice(c) >> 11) / 0x1p53;
    return rounded < UINT32_MAX ? (uint32_t)rounded : UINT32_MAX;
}

void cache_open_short_path(struct cache *c, bool open)
{
    settle(c);
    size_t most = cache_sample_bytes ? min_size(c->until_sample, SMALL_MAX + 1) : SMALL_MAX + 1;
    c->granted = c->quick = open ? most : 0;
}

static void *alloc_single(struct cache *c, unsigned bin)
{
    void *p = NULL;
    claim(c, bin, &p, 1);
    let_go(cache_shelf(c, bin), bin % BIN_NOTED); // a dead cache holds no span
    return p;
}

void *cache_alloc(struct cache *c, unsigned bin)
{
    struct magazine *m = cache_magazine(c, bin);
    void *p = magazine_pop(m);
    if (p)
        return p;
    if (c->state != CACHE_LIVE || (!m->slot && !open_magazine(m, bin)))
        return alloc_single(c, bin);
    note_turn(c, bin);
    // Half a magazine: the other half is room for what the program frees.
    unsigned got = claim(c, bin, m->slot, cache_refill(c, bin));
    reverse(m->slot, got); // popped in ascending order
    m->n = got;
    c->refills++;
    return magazine_pop(m);
}

// Slots of one word that are about to be given back.
struct row {
    struct span *span;
    unsigned word;
    uint64_t bits;
};

// Returns how many of them were free already.
static unsigned give_row(const struct size_class *class, struct row *r)
{
    uint64_t twice = span_give(r->span, r->word, r->bits);
    unsigned first = (unsigned)__builtin_ctzl(twice | 1UL << 63);
    r->bits = 0;
    if (likely(!twice))
        return 0;
    heap_report_double_free((void *)(span_base(r->span) + (r->word * 64 + first) * (uintptr_t) class->size));
    return (unsigned)__builtin_popcountl(twice);
}

enum { ROWS = 32 };

// Slots that were freed in any order, and lie in a few words, go back by few atomic operations.
static void give_back(unsigned bin, void *const *slots, size_t n)
{
    const struct size_class *class = &class_table[bin];
    struct row rows[ROWS];
    unsigned twice = 0;
    for (unsigned i = 0; i < ROWS; i++)
        rows[i].bits = 0;
    for (size_t i = 0; i < n; i++) {
        size_t unit = cage_unit((uintptr_t)slots[i]);
        unsigned slot = slot_of(class, (uint32_t)((uintptr_t)slots[i] - cage.base) & (UNIT_BYTES - 1));
        struct row now = {&cage.spans[unit], slot / 64, 1UL << slot % 64};
        struct row *r = &rows[(unit * class->words + now.word) % ROWS];
        if (r->bits && (r->span != now.span || r->word != now.word || r->bits & now.bits))
            twice += give_row(class, r);
        now.bits |= r->bits;
        *r = now;
    }
    for (unsigned i = 0; i < ROWS; i++)
        twice += rows[i].bits ? give_row(class, &rows[i]) : 0;
    heap_count_free((n - twice) * class->size);
}

bool cache_free(struct cache *c, unsigned bin, void *p)
{
    struct magazine *m = bin >= BIN_NOTED && !cache_can_keep(c, bin) ? NULL : cache_magazine(c, bin);
    if (m && magazine_push(m, p))
        return true;
    if (!m || c->state != CACHE_LIVE || (!m->slot && !open_magazine(m, bin))) {
        give_back(bin, &p, 1);
        return true;
    }
    if (m->slot[(ptrdiff_t)m->n - 1] == p) // G3
        return false;
    if (m->n == m->limit)
        note_turn(c, bin);
    if (m->n == m->limit) { // the older half goes: its lines are colder
        uint32_t half = (m->n + 1) / 2;
        give_back(bin, m->slot, half);
        memmove(m->slot, m->slot + half, (m->n - half) * sizeof m->slot[0]);
        m->n -= half;
    }
    magazine_push(m, p);
    return true;
}

// --- ending -------------------------------------------------------------------------------------------------

static void flush(struct shelf *shelf, unsigned first_bin)
{
    for (unsigned at = 0; at < BIN_NOTED; at++) {
        struct magazine *m = &shelf->magazines[at];
        uint32_t n = m->n;
        m->n = 0;
        if (n)
            give_back(first_bin + at, m->slot, n);
        let_go(shelf, at);
    }
}

void cache_flush(struct cache *c) { each_shelf(c, flush); }

static void close_all(struct shelf *shelf, unsigned first_bin)
{
    for (unsigned at = 0; at < BIN_NOTED; at++)
        if (shelf->magazines[at].slot)
            close_magazine(&shelf->magazines[at], first_bin + at);
}

static void give_up_room(struct cache *c)
{
    struct shelf *noted = c->noted, *noscan = c->noscan;
    each_shelf(c, close_all);
    c->noted = c->noscan = NULL;
    c->grown_bytes = 0;
    put_away(noted);
    put_away(noscan);
}

void cache_kill(struct cache *c)
{
    quarantine_thread_ends();
    cache_flush(c);
    c->state = CACHE_DEAD;
    give_up_room(c);
}

static void visit_shelf(const struct shelf *shelf, void (*visit)(void *const *slots, size_t n))
{
    for (unsigned at = 0; at < BIN_NOTED; at++)
        if (shelf->magazines[at].n)
            visit(shelf->magazines[at].slot, shelf->magazines[at].n);
}

void cache_visit(const struct cache *c, void (*visit)(void *const *slots, size_t n))
{
    visit_shelf(&c->plain, visit);
    if (c->noted)
        visit_shelf(c->noted, visit);
    if (c->noscan)
        visit_shelf(c->noscan, visit);
}

void cache_fork_prepare(void) { lock_acquire(&spare_guard); }

void cache_fork_done(void) { lock_release(&spare_guard); }

// Its slots stay claimed; the next cycle finds them unreachable.
static void orphan(struct shelf *shelf, unsigned first_bin)
{
    (void)first_bin;
    for (unsigned at = 0; at < BIN_NOTED; at++) {
        shelf->magazines[at].n = 0;
        let_go(shelf, at);
    }
}

void cache_orphan(struct cache *c)
{
    each_shelf(c, orphan);
    give_up_room(c);
}
