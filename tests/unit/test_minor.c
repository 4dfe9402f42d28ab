// gc/minor.c: which cycles are minor ones.
#include "gc/minor.h"

#include "base/options.h"
#include "gc/pace.h"
#include "gc/trace.h"
#include "heap/guards.h"
#include "heap/heap.h"

#include "unit.h"
#include "upcalls.h"

#define MS 1000000u

static void setup(void)
{
    ck_assert(heap_boot());
    pace_boot(100, SIZE_MAX);
    pace_cycle_begins(false);
    pace_cycle_ended(40 * MIB, 0, MS);
    minor_reset();
}

// A cycle that took so long and freed so much; whether the next may be a minor one.
static bool cycle(bool minor, uint64_t cpu_ns, size_t freed, size_t faults)
{
    struct trace t = {.minor = minor, .cpu_ns = cpu_ns, .dead_bytes = freed};
    return minor_ended(&t, faults);
}

START_TEST(as_long_as_it_pays)
{
    ck_assert(cycle(false, 20 * MS, 40 * MIB, 0));
    for (int i = 0; i < 10; i++)
        ck_assert(cycle(true, 2 * MS, 30 * MIB, 1000));
    ck_assert(!cycle(true, 2 * MS, 30 * MIB, 20000)); // the program pays for faults
    ck_assert(cycle(false, 20 * MS, 40 * MIB, 0));
    ck_assert(!cycle(true, 30 * MS, 30 * MIB, 0));
}
END_TEST

START_TEST(twice_as_long_a_rest_each_time)
{
    unsigned rests[6] = {0};
    for (int i = 0; i < 6; i++) {
        while (!cycle(false, 20 * MS, 40 * MIB, 0))
            rests[i]++;
        ck_assert(!cycle(true, 20 * MS, 10 * MIB, 0));
    }
    for (int i = 1; i < 6; i++)
        ck_assert_uint_eq(rests[i], (1u << (i - 1)) - 1);
}
END_TEST

START_TEST(only_what_may_be)
{
    ck_assert(minor_begins(true, false));
    ck_assert(!minor_begins(false, false));
    ck_assert(!minor_begins(true, true));
    unsigned in_row = 0;
    while (minor_begins(true, false)) { // a full one comes in the end
        ck_assert(cycle(true, MS, 30 * MIB, 0));
        ck_assert_uint_lt(in_row++, 1000);
    }
    ck_assert_uint_gt(in_row, 10);
    options.minor = MINOR_NEVER;
    ck_assert(!minor_keeps());
    options.minor = MINOR_ALWAYS;
    ck_assert(minor_keeps());
    guards_some = true; // pages that nobody could read
    ck_assert(!minor_keeps() && !minor_begins(true, false));
}
END_TEST

START_TEST(not_without_room)
{
    pace_cycle_begins(true);
    pace_cycle_ended(70 * MIB, 0, MS);
    ck_assert(!cycle(true, MS, 10 * MIB, 0));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("minor");
    TCase *tests = tcase_create("choice");
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, as_long_as_it_pays);
    tcase_add_test(tests, twice_as_long_a_rest_each_time);
    tcase_add_test(tests, only_what_may_be);
    tcase_add_test(tests, not_without_room);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
