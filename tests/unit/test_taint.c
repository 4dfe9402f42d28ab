// heap/taint.c: which units are tainted, what is born there, and how taints end.
#include "heap/taint.h"

#include "gc/mark.h"
#include "heap/heap.h"
#include "sys/cpu.h"

#include "unit.h"
#include "upcalls.h"

#include <pthread.h>
#include <sched.h>

static void setup(void)
{
    ck_assert(heap_boot());
    atomic_store(&taint_wanted, true);
}

static bool is_tainted(uintptr_t lo, size_t bytes) { return taint_has(lo, lo + bytes); }

START_TEST(units_and_their_end)
{
    uintptr_t base = (uintptr_t)cage_carve(8 * UNIT_BYTES, UNIT_BYTES);
    ck_assert(!is_tainted(base, 8 * UNIT_BYTES));
    taint_units(base + 3 * UNIT_BYTES + 100, base + 4 * UNIT_BYTES + 1);
    ck_assert(!is_tainted(base, 3 * UNIT_BYTES));
    ck_assert(is_tainted(base, 3 * UNIT_BYTES + 1));
    ck_assert(is_tainted(base + 4 * UNIT_BYTES, UNIT_BYTES));
    ck_assert(!is_tainted(base + 5 * UNIT_BYTES, 3 * UNIT_BYTES));
    taint_end_all();
    ck_assert(!is_tainted(base, 8 * UNIT_BYTES));
}
END_TEST

// Stamps are few: an old one must not come to life again.
START_TEST(no_stamp_comes_back)
{
    uintptr_t base = (uintptr_t)cage_carve(UNIT_BYTES, UNIT_BYTES);
    taint_at(base);
    for (int i = 0; i < 1000; i++) {
        taint_end_all();
        ck_assert(!is_tainted(base, UNIT_BYTES));
    }
    taint_at(cage_top()); // nothing is there yet
}
END_TEST

START_TEST(not_wanted)
{
    uintptr_t base = (uintptr_t)cage_carve(UNIT_BYTES, UNIT_BYTES);
    atomic_store(&taint_wanted, false);
    taint_at(base);
    atomic_store(&taint_wanted, true);
    ck_assert(!is_tainted(base, UNIT_BYTES));
    taint_at(base);
    ck_assert(is_tainted(base, UNIT_BYTES));
    atomic_store(&taint_wanted, false);
    ck_assert(!is_tainted(base, UNIT_BYTES));
}
END_TEST

// A marked block goes; who comes to its place is marked, until the taints end.
START_TEST(born_marked)
{
    enum { BYTES = 200000 };
    for (int round = 0; round < 2; round++) {
        char *p = heap_alloc_slow(BYTES, false, false), *q;
        large_row(heap_find((uintptr_t)p).id)->mark = 1;
        heap_free_slow(p);
        if (round)
            taint_end_all();
        for (int tries = 0; (q = heap_alloc_slow(BYTES, false, false)) != p; tries++)
            ck_assert_int_lt(tries, 1000);
        ck_assert_uint_eq(large_row(heap_find((uintptr_t)q).id)->mark, !round);
        heap_free_slow(q);
    }
}
END_TEST

// --- a marker beside who comes and goes: T5 ---------------------------------------------------------------------

enum { BLOCK = 1000000, ROUNDS = 100000, SPANS = 10000, JITTER = 64 };

static struct marker marker;
static _Atomic uintptr_t word;      // for the marker to take
static _Atomic unsigned asked, met; // words so far

static void pause_at_random(void)
{
    for (unsigned n = (unsigned)(next_random() % JITTER); n; n--)
        cpu_relax();
}

static void await(_Atomic unsigned *count, unsigned wanted)
{
    for (unsigned spins = 1; atomic_load(count) != wanted; spins++)
        spins % 1024 ? cpu_relax() : (void)sched_yield();
}

static void *mark_words_one_by_one(void *none)
{
    random_state = 4711;
    for (unsigned i = 1;; i++) {
        await(&asked, i);
        if (!word)
            return none;
        pause_at_random();
        mark_candidate(&marker, word);
        mark_settle(&marker);
        grey_reset();
        atomic_store(&met, i);
    }
}

static pthread_t begin_marking(void)
{
    pthread_t thread;
    atomic_store(&heap_marking, true);
    ck_assert_int_eq(pthread_create(&thread, NULL, mark_words_one_by_one, NULL), 0);
    return thread;
}

static void ask_to_mark(uintptr_t value)
{
    taint_end_all();
    atomic_store(&word, value);
    atomic_fetch_add(&asked, 1);
    pause_at_random();
}

static void await_marker(void) { await(&met, atomic_load(&asked)); }

static void end_marking(pthread_t thread)
{
    ask_to_mark(0);
    pthread_join(thread, NULL);
}

static bool is_marked(uintptr_t p)
{
    struct heap_block b = heap_find(p);
    if (b.kind == HEAP_LARGE)
        return b.id && large_row(b.id)->mark;
    return span_words(&cage.spans[cage_unit(p)])[0].mark & 1;
}

START_TEST(large_ones_come_and_go)
{
    pthread_t thread = begin_marking();
    uintptr_t p = (uintptr_t)heap_alloc_slow(BLOCK, false, false), q;
    for (int i = 0; i < ROUNDS; i++) {
        large_row(heap_find(p).id)->mark = 0;
        ask_to_mark(p + BLOCK - 1);
        heap_free_slow((void *)p);
        await_marker();
        ck_assert_msg(is_tainted(p + BLOCK - 1, 1),
                      "nobody knows after round %d that a word leads to who went", i);
        ask_to_mark(p);
        q = (uintptr_t)heap_alloc_slow(BLOCK, false, false);
        await_marker();
        ck_assert_msg(q != p || is_marked(q), "who came in round %d has no mark", i);
        p = q;
    }
    end_marking(thread);
}
END_TEST

START_TEST(spans_come)
{
    pthread_t thread = begin_marking();
    unsigned seen = 0, bin = class_of(SMALL_MAX);
    uintptr_t last = span_base(span_take(bin));
    for (int i = 0; i < SPANS; i++) {
        ask_to_mark(last + UNIT_BYTES); // most likely the next one
        uintptr_t now = span_base(span_take(bin));
        await_marker();
        seen += now == last + UNIT_BYTES;
        ck_assert_msg(now != last + UNIT_BYTES || is_marked(now), "who came in round %d has no mark", i);
        last = now;
    }
    ck_assert_uint_gt(seen, SPANS / 2);
    end_marking(thread);
}
END_TEST

// A word is looked up, and waits while others are.
START_TEST(span_comes_while_a_word_waits)
{
    unsigned bin = class_of(SMALL_MAX);
    uintptr_t last = span_base(span_take(bin)), now;
    atomic_store(&heap_marking, true);
    mark_candidate(&marker, last + UNIT_BYTES);
    now = span_base(span_take(bin));
    mark_settle(&marker);
    ck_assert_uint_eq(now, last + UNIT_BYTES);
    ck_assert(is_marked(now));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("taint");
    TCase *tests = tcase_create("units");
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, units_and_their_end);
    tcase_add_test(tests, no_stamp_comes_back);
    tcase_add_test(tests, not_wanted);
    tcase_add_test(tests, born_marked);
    tcase_add_test(tests, large_ones_come_and_go);
    tcase_add_test(tests, spans_come);
    tcase_add_test(tests, span_comes_while_a_word_waits);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
