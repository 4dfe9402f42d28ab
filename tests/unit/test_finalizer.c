// heap/finalizer.h and the finalizers of heap/special.h: a block whose end has come is left to its finalizer instead, once, before its cleanups;
// the marker is told of exactly those blocks that it would not scan otherwise. The marks are made by hand.
#include "heap/finalizer.h"

#include "heap/heap.h"
#include "heap/special.h"

#include "unit.h"
#include "upcalls.h"

#include <errno.h>
#include <string.h>

enum { BLOCKS = 150, EVERY = 3 };

static const size_t sizes[] = {16, 700, 9000, 100000};
static char *blocks[BLOCKS];
static struct special *refs[BLOCKS];
static unsigned finalized[BLOCKS], cleaned[BLOCKS], scanned[BLOCKS];
static char arguments[BLOCKS];

static size_t index_of(const void *arg) { return (size_t)((const char *)arg - arguments); }

static void clean(void *arg) { cleaned[index_of(arg)]++; }

static void finalize(void *block, void *arg)
{
    ck_assert_ptr_eq(block, blocks[index_of(arg)] + 2);
    ck_assert(heap_find((uintptr_t)block).allocated);
    ck_assert_int_eq(*(char *)block, (char)index_of(arg));
    finalized[index_of(arg)]++;
}

static void make(size_t bytes, bool with_more)
{
    uint64_t serial;
    memset(finalized, 0, sizeof finalized);
    memset(cleaned, 0, sizeof cleaned);
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = heap_alloc_slow(bytes, true, false);
        blocks[i][2] = (char)i;
        refs[i] = with_more ? special_weak(blocks[i]) : NULL;
        ck_assert(!with_more || special_cleanup(blocks[i], clean, &arguments[i], &serial));
        ck_assert_int_eq(special_finalizer(blocks[i] + 2, finalize, &arguments[i]), 0);
    }
}

static void mark(const char *p)
{
    struct heap_block b = heap_find((uintptr_t)p);
    if (b.kind == HEAP_LARGE) {
        large_row(b.id)->mark = 1;
        return;
    }
    unsigned slot = slot_of(&class_table[b.bin], (b.base - cage.base) & (UNIT_BYTES - 1));
    atomic_fetch_or(&cage.words[cage_unit(b.base) * WORDS_PER_SPAN + slot / 64].mark, 1UL << slot % 64);
}

static void mark_every(size_t n)
{
    for (size_t i = 0; i < BLOCKS; i += n)
        if (blocks[i])
            mark(blocks[i]);
}

// A cycle that found every nth block, and what the magazines hold; then whatever became due.
static void cycle(size_t n, unsigned probation)
{
    struct special_call due;
    mark_every(n);
    for (unsigned bin = 0; bin < BIN_NOTED; bin++)
        for (uint32_t i = 0; i < cache_self.plain.magazines[bin].n; i++)
            mark(cache_self.plain.magazines[bin].slot[i]);
    heap_sweep_begin(true, probation);
    heap_sweep_all();
    while (special_take_due(&due))
        due.finalize ? due.finalize(due.block, due.arg) : due.clean(due.arg);
}

static bool is_there(size_t i) { return heap_find((uintptr_t)blocks[i]).allocated; }

// What has happened to those that no cycle found, and to no others.
static void check_lost(unsigned were_finalized, bool gone)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        bool lost = i % EVERY;
        ck_assert_uint_eq(finalized[i], lost ? were_finalized : 0);
        ck_assert_uint_eq(cleaned[i], lost && gone);
        ck_assert_int_eq(special_get(refs[i]) != NULL, !lost);
        ck_assert_int_eq(is_there(i), !(lost && gone));
    }
}

START_TEST(a_block_is_finalized_once_then_given_back)
{
    make(sizes[_i], true);
    cycle(1, 0);
    for (size_t i = 0; i < BLOCKS; i++)
        ck_assert(!finalized[i] && special_get(refs[i]));
    cycle(EVERY, 0);
    check_lost(1, false);
    cycle(EVERY, 0);
    check_lost(1, true);
    for (size_t i = 0; i < BLOCKS; i++)
        if (i % EVERY == 0)
            heap_free_slow(blocks[i]);
    for (size_t i = 0; i < BLOCKS; i++)
        ck_assert_uint_eq(finalized[i], i % EVERY != 0); // not for what was freed
    for (size_t i = 0; i < BLOCKS; i++)
        special_free(refs[i]);
    ck_assert(!special_has_calls());
}
END_TEST

// W5, O2: with its record ended; a use of the block afterwards is none of a condemned one.
START_TEST(probation_comes_first)
{
    make(sizes[_i], true);
    cycle(EVERY, 1);
    check_lost(0, false);
    cycle(EVERY, 1);
    check_lost(1, false);
    for (size_t i = 0; i < BLOCKS; i++) {
        struct heap_block b = heap_find((uintptr_t)blocks[i]);
        if (b.kind == HEAP_LARGE)
            ck_assert_uint_eq(large_row(b.id)->record, 0);
        else
            ck_assert(!cage.spans[cage_unit(b.base)].watched);
    }
    cycle(EVERY, 1);
    check_lost(1, false);
    cycle(EVERY, 1);
    check_lost(1, true);
}
END_TEST

START_TEST(another_one_can_be_set)
{
    make(sizes[_i], false);
    ck_assert_int_eq(special_finalizer(blocks[1], finalize, &arguments[1]), EEXIST);
    cycle(EVERY, 0);
    ck_assert_uint_eq(finalized[1], 1);
    ck_assert_int_eq(special_finalizer(blocks[1] + 2, finalize, &arguments[1]), 0);
    ck_assert_int_eq(special_finalizer(blocks[2], NULL, NULL), 0);
    cycle(EVERY, 0);
    ck_assert_uint_eq(finalized[1], 2);
    ck_assert(is_there(1) && !is_there(2));
    ck_assert_uint_eq(finalized[2], 1);
}
END_TEST

START_TEST(what_is_taken_away_or_freed_is_not_finalized)
{
    make(sizes[_i], false);
    for (size_t i = 0; i < BLOCKS; i++)
        if (i % 2)
            ck_assert_int_eq(special_finalizer(blocks[i], NULL, NULL), 0);
        else if (!heap_free(blocks[i])) // the short path must not take it
            heap_free_slow(blocks[i]);
    ck_assert(!special_has_calls());
    memset(blocks, 0, sizeof blocks);
    cycle(1, 0);
    for (size_t i = 0; i < BLOCKS; i++)
        ck_assert_uint_eq(finalized[i], 0);
}
END_TEST

START_TEST(what_is_no_block_has_none)
{
    char *p = heap_alloc_slow(100, false, false);
    ck_assert_int_eq(special_finalizer(arguments, finalize, NULL), EINVAL);
    ck_assert_int_eq(special_finalizer(NULL, NULL, NULL), EINVAL);
    ck_assert_int_eq(special_finalizer(p, finalize, p + 10), EINVAL);
    ck_assert_int_eq(special_finalizer(p, NULL, NULL), 0);
}
END_TEST

// --- what the marker is told of -------------------------------------------------------------------------------

static void scan(uintptr_t base)
{
    for (size_t i = 0; i < BLOCKS; i++)
        scanned[i] += (uintptr_t)blocks[i] == base;
}

static void check_scanned(unsigned (*expected)(size_t i))
{
    for (size_t i = 0; i < BLOCKS; i++)
        ck_assert_uint_eq(scanned[i], expected(i));
    memset(scanned, 0, sizeof scanned);
}

static unsigned unmarked(size_t i) { return i % EVERY != 0; }

static unsigned unmarked_then(size_t i) { return i % EVERY && i % 2; }

static unsigned none(size_t i) { return i >= BLOCKS; }

static unsigned only_new(size_t i) { return i == 0; }

START_TEST(the_unmarked_are_scanned)
{
    make(sizes[_i], false);
    mark_every(EVERY);
    ck_assert(finalizers_visit_running(scan));
    check_scanned(unmarked);
    mark_every(2); // more is found later
    ck_assert(finalizers_visit_stopped(false, scan));
    check_scanned(unmarked_then);
    ck_assert(finalizers_visit_stopped(false, scan)); // F2: as they are then, however often
    check_scanned(unmarked_then);
    mark_every(1);
    ck_assert(!finalizers_visit_stopped(true, scan));
    check_scanned(none);
}
END_TEST

// F3: what was marked beside the program is looked at again only by a second mark, from nothing.
START_TEST(the_marked_are_not_looked_at_twice)
{
    make(sizes[_i], false);
    mark_every(1);
    ck_assert(!finalizers_visit_running(scan));
    heap_sweep_begin(false, 0);
    heap_sweep_all(); // no mark is left
    ck_assert(!finalizers_visit_stopped(false, scan));
    ck_assert_int_eq(special_finalizer(blocks[0], NULL, NULL), 0);
    ck_assert_int_eq(special_finalizer(blocks[0] + 2, finalize, &arguments[0]), 0);
    ck_assert(finalizers_visit_stopped(false, scan));
    check_scanned(only_new);
    ck_assert(finalizers_visit_stopped(true, scan));
    for (size_t i = 0; i < BLOCKS; i++)
        ck_assert_uint_eq(scanned[i], 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("finalizer");
    TCase *tcase = tcase_create("finalizer");
    int n = sizeof sizes / sizeof sizes[0];
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, a_block_is_finalized_once_then_given_back, 0, n);
    tcase_add_loop_test(tcase, probation_comes_first, 0, n);
    tcase_add_loop_test(tcase, another_one_can_be_set, 0, n);
    tcase_add_loop_test(tcase, what_is_taken_away_or_freed_is_not_finalized, 0, n);
    tcase_add_test(tcase, what_is_no_block_has_none);
    tcase_add_loop_test(tcase, the_unmarked_are_scanned, 0, n);
    tcase_add_loop_test(tcase, the_marked_are_not_looked_at_twice, 0, n);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
