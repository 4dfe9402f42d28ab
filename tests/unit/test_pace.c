// gc/pace.c: the goal of a heap that shrinks, and the room that minor cycles have.
#include "gc/pace.h"

#include "heap/heap.h"

#include "unit.h"
#include "upcalls.h"

#define SECOND_NS 1000000000u

static void setup(void)
{
    ck_assert(heap_boot());
    pace_boot(100, SIZE_MAX);
}

static void cycle(bool minor, size_t live_bytes)
{
    pace_cycle_begins(minor);
    pace_cycle_ended(live_bytes, 0, 1000);
}

static size_t goal(void) { return pace_figures().goal_bytes; }

START_TEST(credit_is_forgotten)
{
    ck_assert_uint_eq(pace_credit(100 * MIB, 0, 7 * MIB), 100 * MIB);
    ck_assert_uint_eq(pace_credit(100 * MIB, 0, 200 * MIB), 200 * MIB);
    ck_assert_uint_eq(pace_credit(100 * MIB, 5ul * SECOND_NS, 7 * MIB), 50 * MIB);
    ck_assert_uint_eq(pace_credit(100 * MIB, 500ul * SECOND_NS, 7 * MIB), 7 * MIB);
    size_t left = 1 << 30; // many short steps forget no less
    for (int i = 0; i < 600; i++)
        left = pace_credit(left, SECOND_NS / 10, 0);
    ck_assert_uint_lt(left, 1 << 20);
}
END_TEST

START_TEST(what_the_heap_had_is_a_floor)
{
    void *big = heap_alloc_slow(60 * MIB, false, false);
    cycle(false, 40 * MIB); // the goal is 80 MiB from here on
    ck_assert_uint_eq(goal(), 80 * MIB);
    cycle(false, 10 * MIB);
    ck_assert_uint_ge(goal(), 59 * MIB); // not 80: it has not been used
    ck_assert_uint_le(goal(), 61 * MIB);
    pace_change(50); // who wants less gets less
    ck_assert_uint_eq(goal(), 15 * MIB);
    pace_change(-1);
    cycle(false, 10 * MIB); // 60 MiB were used again
    pace_change(50);
    ck_assert_uint_eq(goal(), 15 * MIB);
    heap_free_slow(big);
}
END_TEST

START_TEST(minor_cycles_share_the_room_of_the_full_one)
{
    cycle(false, 40 * MIB);
    ck_assert(pace_has_room());
    cycle(true, 50 * MIB);
    ck_assert_uint_eq(goal(), 80 * MIB); // follows from what the full one found
    ck_assert(pace_has_room());
    cycle(true, 61 * MIB);
    ck_assert_uint_eq(goal(), 80 * MIB);
    ck_assert(!pace_has_room());
    cycle(false, 60 * MIB);
    ck_assert_uint_eq(goal(), 120 * MIB);
    ck_assert(pace_has_room());
}
END_TEST

START_TEST(a_limit_below_what_minor_cycles_left)
{
    cycle(false, 40 * MIB);
    cycle(true, 90 * MIB); // more than the goal
    pace_change_limit(30 * MIB);
    ck_assert_uint_ge(goal(), 90 * MIB);
    ck_assert_uint_le(goal(), 100 * MIB);
    pace_change_limit(SIZE_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pace");
    TCase *tests = tcase_create("goals");
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, credit_is_forgotten);
    tcase_add_test(tests, what_the_heap_had_is_a_floor);
    tcase_add_test(tests, minor_cycles_share_the_room_of_the_full_one);
    tcase_add_test(tests, a_limit_below_what_minor_cycles_left);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
