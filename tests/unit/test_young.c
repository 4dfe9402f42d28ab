// world/young.c over a model of a barrier: what is written to a page with a marked block on it, or into its unit, is reported by the next
// fetch, however units come and go; and what is new is left alone when new blocks die.
#include "world/young.h"

#include "heap/heap.h"
#include "heap/unit.h"
#include "world/barrier.h"

#include "unit.h"
#include "upcalls.h"

#include <string.h>

enum { PAGES = 1 << 15, BLOCKS = 6000, CYCLES = 60, STEPS = 600 };

// The model of a barrier: pages of the cage.
static bool armed[PAGES], written[PAGES];
static bool owed[PAGES]; // written since a block in its unit was marked, and not reported yet
static unsigned arm_fails, armed_pages;

static size_t page_of(uintptr_t address) { return (address - cage.base) >> PAGE_SHIFT; }

static bool model_arm(uintptr_t lo, uintptr_t hi)
{
    if (arm_fails && next_random() % arm_fails == 0)
        return false;
    for (size_t page = page_of(lo); page < page_of(hi); page++) {
        armed_pages += !armed[page];
        armed[page] = true;
        written[page] = false;
    }
    return true;
}

static bool model_fetch(uintptr_t lo, uintptr_t hi, bool rearm, void (*dirty)(uintptr_t lo, uintptr_t hi))
{
    if (arm_fails && next_random() % arm_fails == 0)
        return false;
    for (size_t page = page_of(lo); page < page_of(hi); page++) {
        if (armed[page] && !written[page])
            continue;
        if (rearm) {
            armed[page] = true;
            written[page] = false;
        }
        dirty(cage.base + (page << PAGE_SHIFT), cage.base + ((page + 1) << PAGE_SHIFT));
    }
    return true;
}

static void model_disarm(uintptr_t lo, uintptr_t hi)
{
    memset(&armed[page_of(lo)], 0, page_of(hi) - page_of(lo));
}

static const struct barrier model = {.name = "model",
                                     .concurrent = true,
                                     .lasting = true,
                                     .arm = model_arm,
                                     .fetch = model_fetch,
                                     .disarm = model_disarm};

// --- the program, and the marker ----------------------------------------------------------------------------------

static char *blocks[BLOCKS];

static void setup(void)
{
    ck_assert(heap_boot());
    ck_assert(young_begin());
}

static char *allocate(size_t bytes)
{
    char *p = heap_alloc_slow(bytes, false, false);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_lt(page_of((uintptr_t)p + bytes), PAGES);
    return p;
}

static size_t random_size(void)
{
    return next_random() % 50 == 0 ? 40000 + next_random() % 200000 : 16UL << next_random() % 8;
}

// Of a small block its word of the bits, and the bit.
static _Atomic uint64_t *mark_word(uintptr_t p, uint64_t *bit)
{
    const struct size_class *c = &class_table[cage_bin_plus_one(cage_unit(p)) - 1];
    uint32_t slot = slot_of(c, (uint32_t)(p - cage.base) & (UNIT_BYTES - 1));
    *bit = 1UL << slot % 64;
    return &cage.words[cage_unit(p) * WORDS_PER_SPAN + slot / 64].mark;
}

static void mark(const void *p)
{
    struct heap_block b = heap_find((uintptr_t)p);
    uint64_t bit = 0;
    _Atomic uint64_t *word = b.kind == HEAP_LARGE ? NULL : mark_word((uintptr_t)p, &bit);
    if (word)
        *word |= bit;
    else
        large_row(b.id)->mark = 1;
}

static bool is_marked(const void *p)
{
    struct heap_block b = heap_find((uintptr_t)p);
    uint64_t bit = 0;
    const _Atomic uint64_t *word = b.kind == HEAP_LARGE ? NULL : mark_word((uintptr_t)p, &bit);
    return word ? *word & bit : large_row(b.id)->mark;
}

static void write_to(const char *p)
{
    size_t page = page_of((uintptr_t)p), unit = cage_unit((uintptr_t)p);
    written[page] = true;
    owed[page] = unit_has_marks(unit);
}

static void pay(uintptr_t lo, uintptr_t hi)
{
    for (size_t page = page_of(lo); page < page_of(hi); page++)
        owed[page] = false;
}

static void fetch_and_check(bool rearm)
{
    young_fetch(&model, rearm, pay);
    for (size_t page = 0; page < PAGES; page++)
        ck_assert_msg(!owed[page], "page %zu of unit %zu was written and is not reported", page, page / 16);
}

static void step(void)
{
    char **p = &blocks[next_random() % BLOCKS];
    uint64_t dice = next_random() % 8;
    if (!*p)
        *p = allocate(random_size());
    else if (dice < 3)
        mark(*p);
    else if (dice < 7)
        write_to(*p);
    else if (next_random() % 8 == 0)
        fetch_and_check(true);
}

// Blocks that were not marked go.
static void sweep(void)
{
    for (size_t i = 0; i < BLOCKS; i++)
        if (blocks[i] && !is_marked(blocks[i]))
            blocks[i] = NULL;
    cache_flush(&cache_self);
    heap_sweep_begin(true, 0);
    heap_sweep_all();
}

static void mark_one_in(unsigned n)
{
    for (size_t i = 0; i < BLOCKS; i++)
        if (blocks[i] && next_random() % n == 0)
            mark(blocks[i]);
}

static bool keeps; // this cycle its marks, or the last one did

static void end_cycle(bool keep)
{
    atomic_store(&heap_marking, false);
    atomic_store(&heap_keeps_marks, keep);
    sweep();
    keeps = keep;
    if (keep) {
        young_keep(&model);
        return;
    }
    young_disarm(&model);
    for (size_t page = 0; page < PAGES; page++)
        ck_assert_msg(!armed[page] || arm_fails, "page %zu stays armed", page);
    memset(owed, 0, sizeof owed);
}

static void cycle(bool keep)
{
    atomic_store(&heap_marking, true);
    if (young_arm(&model, keeps)) {
        for (int i = 0; i < STEPS; i++)
            step();
        fetch_and_check(true);
        for (int i = 0; i < STEPS; i++)
            step();
        fetch_and_check(false);
    }
    static const unsigned shares[] = {1, 2, 1000, 100000, 100000};
    mark_one_in(shares[next_random() % 5]);
    end_cycle(keep);
}

static void allocate_some(void)
{
    for (int k = 0; k < BLOCKS / 4; k++) {
        char **p = &blocks[next_random() % BLOCKS];
        *p = *p ? *p : allocate(random_size());
    }
}

START_TEST(what_matters_is_reported)
{
    arm_fails = _i ? 40 : 0;
    for (int i = 0; i < CYCLES; i++) {
        allocate_some();
        cycle(false);
    }
}
END_TEST

// Marks are kept: what is written between two cycles counts too.
START_TEST(what_matters_is_reported_later)
{
    arm_fails = _i ? 40 : 0;
    for (int i = 0; i < CYCLES; i++) {
        allocate_some();
        for (int k = 0; k < STEPS; k++) {
            const char *p = blocks[next_random() % BLOCKS];
            if (p)
                write_to(p);
        }
        cycle(next_random() % 4 != 0);
    }
}
END_TEST

// Only what is mostly alive stays armed for the next cycle.
START_TEST(the_old_stay_armed)
{
    for (unsigned n = 1; n <= 100; n += 99) {
        for (size_t i = 0; i < BLOCKS; i++)
            blocks[i] = allocate(1000);
        atomic_store(&heap_marking, true);
        ck_assert(young_arm(&model, false));
        mark_one_in(n);
        fetch_and_check(true);
        end_cycle(true);
        size_t pages = 0;
        for (size_t page = 0; page < PAGES; page++)
            pages += armed[page];
        if (n == 1)
            ck_assert_uint_gt(pages, BLOCKS * 1000 / PAGE_BYTES / 2);
        else
            ck_assert_uint_lt(pages, BLOCKS * 1000 / PAGE_BYTES / 10);
        atomic_store(&heap_marking, true);
        ck_assert(young_arm(&model, true));
        fetch_and_check(true);
        memset(blocks, 0, sizeof blocks);
        end_cycle(false);
    }
}
END_TEST

enum { ROUND_BLOCKS = 4000, ROUND_BYTES = 1000 };

// A cycle after so many blocks were allocated, of which one in `n` lives on; the pages that were armed when it began.
static unsigned round_of(unsigned n)
{
    armed_pages = 0;
    for (size_t i = 0; i < ROUND_BLOCKS; i++)
        blocks[i] = allocate(ROUND_BYTES);
    atomic_store(&heap_marking, true);
    ck_assert(young_arm(&model, false));
    unsigned pages = armed_pages;
    if (n)
        mark_one_in(n);
    young_fetch(&model, false, pay);
    atomic_store(&heap_marking, false);
    sweep();
    memset(blocks, 0, sizeof blocks);
    young_disarm(&model);
    return pages;
}

START_TEST(the_young_are_spared_when_they_die)
{
    enum { ROUND_PAGES = ROUND_BLOCKS * ROUND_BYTES / PAGE_BYTES };
    round_of(0);
    ck_assert_uint_lt(round_of(0), ROUND_PAGES / 10);
    ck_assert_uint_lt(round_of(1), ROUND_PAGES / 10); // it is not known yet that they live
    ck_assert_uint_gt(round_of(1), ROUND_PAGES);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("young");
    TCase *tests = tcase_create("units");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_loop_test(tests, what_matters_is_reported, 0, 2);
    tcase_add_loop_test(tests, what_matters_is_reported_later, 0, 2);
    tcase_add_test(tests, the_old_stay_armed);
    tcase_add_test(tests, the_young_are_spared_when_they_die);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
