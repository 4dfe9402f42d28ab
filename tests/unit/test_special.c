// heap/special.h: what is attached to a block learns of its end, by a sweep with and without probation or by the program, once and in time. The
// marks are made by hand.
#include "heap/special.h"

#include "heap/heap.h"

#include "unit.h"
#include "upcalls.h"

#include <string.h>

enum { BLOCKS = 200 };

static const size_t sizes[] = {16, 700, 9000, 100000};
static char *blocks[BLOCKS];
static struct special *refs[BLOCKS], *cleanups[BLOCKS];
static uint64_t serials[BLOCKS];
static unsigned called[BLOCKS];
static char arguments[BLOCKS];

static void call(void *arg) { called[(char *)arg - arguments]++; }

static void make(size_t bytes)
{
    memset(called, 0, sizeof called);
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = heap_alloc_slow(bytes, true, false);
        refs[i] = special_weak(blocks[i] + i % 3);
        cleanups[i] = special_cleanup(blocks[i], call, &arguments[i], &serials[i]);
        ck_assert(refs[i] && cleanups[i]);
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

// The final stop of a cycle that found every nth block, and what the magazines hold.
static void stop(size_t n, unsigned probation)
{
    for (size_t i = 0; i < BLOCKS; i += n)
        if (blocks[i])
            mark(blocks[i]);
    for (unsigned bin = 0; bin < BIN_NOTED; bin++)
        for (uint32_t i = 0; i < cache_self.plain.magazines[bin].n; i++)
            mark(cache_self.plain.magazines[bin].slot[i]);
    heap_sweep_begin(true, probation);
}

static void run_due(void)
{
    struct special_call due;
    while (special_take_due(&due))
        due.clean(due.arg);
}

static bool is_set(size_t i)
{
    const void *p = special_get(refs[i]);
    ck_assert(!p || p == blocks[i] + i % 3);
    return p;
}

static void check_every(size_t n, bool cleaned)
{
    run_due();
    for (size_t i = 0; i < BLOCKS; i++) {
        ck_assert_int_eq(is_set(i), i % n == 0);
        ck_assert_uint_eq(called[i], i % n != 0 && cleaned);
        if (i % n)
            blocks[i] = cleaned ? NULL : blocks[i];
    }
}

static void drop(size_t n)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        special_free(refs[i]);
        if (i % n == 0)
            heap_free_slow(blocks[i]);
        blocks[i] = NULL;
    }
    run_due();
    for (size_t i = 0; i < BLOCKS; i++)
        ck_assert_uint_eq(called[i], i % n != 0); // not for what was freed
    ck_assert(!special_has_calls());
}

START_TEST(a_sweep_tells)
{
    make(sizes[_i]);
    stop(1, 0);
    heap_sweep_all();
    check_every(1, false);
    stop(3, 0);
    heap_sweep_all();
    check_every(3, true);
    drop(3);
}
END_TEST

// W1: nobody has swept yet.
START_TEST(the_verdict_holds_from_the_stop_on)
{
    make(sizes[_i]);
    stop(3, 0);
    for (size_t i = 0; i < BLOCKS; i++)
        ck_assert_int_eq(is_set(i), i % 3 == 0);
    heap_sweep_all();
    check_every(3, true);
    drop(3);
}
END_TEST

START_TEST(cleanups_wait_for_probation)
{
    make(sizes[_i]);
    stop(4, 1);
    heap_sweep_all();
    check_every(4, false);
    stop(4, 1);
    heap_sweep_all();
    check_every(4, true);
    drop(4);
}
END_TEST

START_TEST(freeing_tells)
{
    make(sizes[_i]);
    for (size_t i = 1; i < BLOCKS; i += 2)
        ck_assert(special_stop(cleanups[i], serials[i]) && !special_stop(cleanups[i], serials[i]));
    for (size_t i = 0; i < BLOCKS; i++) {
        if (!heap_free(blocks[i])) // the short path must not take it
            heap_free_slow(blocks[i]);
        ck_assert(!is_set(i) && !special_stop(cleanups[i], serials[i]));
        special_free(refs[i]);
    }
    run_due();
    for (size_t i = 0; i < BLOCKS; i++)
        ck_assert_uint_eq(called[i], 0);
    ck_assert(!special_has_calls());
}
END_TEST

static bool is_watched(const char *p) { return cage.units[cage_unit((uintptr_t)p)] & UNIT_WATCHED; }

// W2: freeing is quick again once nothing is attached, by the next sweep.
START_TEST(units_are_watched_as_long_as_there_is_reason)
{
    char *p = heap_alloc_slow(100, false, false);
    struct special *weak = special_weak(p);
    ck_assert(is_watched(p));
    special_free(weak);
    blocks[0] = p;
    stop(1, 0);
    heap_sweep_all();
    ck_assert(!is_watched(p));
}
END_TEST

START_TEST(what_is_no_block_is_left_alone)
{
    uint64_t serial = 0;
    struct special *here = special_weak(&serial), *nothing = special_weak(NULL);
    char *p = heap_alloc_slow(100, false, false);
    ck_assert_ptr_eq(special_get(here), &serial);
    ck_assert_ptr_null(special_get(nothing));
    ck_assert_ptr_null(special_cleanup(&serial, call, NULL, &serial));
    ck_assert_ptr_null(special_cleanup(p, call, p + 10, &serial));
    special_free(here);
    special_free(nothing);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("special");
    TCase *tcase = tcase_create("special");
    int n = sizeof sizes / sizeof sizes[0];
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, a_sweep_tells, 0, n);
    tcase_add_loop_test(tcase, the_verdict_holds_from_the_stop_on, 0, n);
    tcase_add_loop_test(tcase, cleanups_wait_for_probation, 0, n);
    tcase_add_loop_test(tcase, freeing_tells, 0, n);
    tcase_add_test(tcase, units_are_watched_as_long_as_there_is_reason);
    tcase_add_test(tcase, what_is_no_block_is_left_alone);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
