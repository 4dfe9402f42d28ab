// gc/demand.c and gc/scavenge.c's rule: what a program took lately, and what is worth keeping for it.
#include "gc/demand.h"

#include "base/bits.h"
#include "gc/scavenge.h"

#include "unit.h"
#include "upcalls.h"

#define SECOND 1000000000ull

static struct demand demand;

static size_t after(uint64_t ns, uint64_t total)
{
    demand_look(&demand, ns, total, 0);
    return demand_lately(&demand);
}

// Everything is lately at first, and nothing when the window has passed.
START_TEST(test_begins)
{
    uint64_t now = 1000 * SECOND + 7;
    ck_assert_uint_eq(after(now, 500), 500);
    ck_assert_uint_eq(after(now + (DEMAND_SECONDS - 1) * SECOND, 500), 500);
    ck_assert_uint_eq(after(now + (DEMAND_SECONDS + 1) * SECOND, 500), 0);
}
END_TEST

// A steady program, looked at at any moments: the window holds its rate times its length, to a second.
START_TEST(test_steady)
{
    const uint64_t rate = 1000;
    uint64_t now = 5 * SECOND;
    for (int i = 0; i < 2000; i++) {
        now += next_random() % (SECOND / 2);
        size_t lately = after(now, now * rate / SECOND);
        if (now > 40 * SECOND) {
            ck_assert_uint_ge(lately, rate * (DEMAND_SECONDS - 1));
            ck_assert_uint_le(lately, rate * (DEMAND_SECONDS + 1));
        }
    }
    ck_assert(demand_reaches(&demand, rate * 99, 120));
    ck_assert(!demand_reaches(&demand, rate * 140, 120));
}
END_TEST

// Looked at seldom, what came in between counts as taken just now.
START_TEST(test_seldom)
{
    uint64_t now = 100 * SECOND;
    after(now, 1000);
    ck_assert_uint_eq(after(now += 20 * SECOND, 4000), 3000);
    ck_assert_uint_eq(after(now += 10 * SECOND, 4500), 3500);
    ck_assert_uint_eq(after(now += 10 * SECOND, 4500), 500);
    ck_assert_uint_eq(after(now += 10000 * SECOND, 4501), 1);
}
END_TEST

// The most that was in use counts until the window has passed, wherever in it that was; or until it is forgotten.
START_TEST(test_peak)
{
    uint64_t now = 50 * SECOND;
    demand_look(&demand, now, 0, 700);
    demand_used(&demand, 900);
    demand_used(&demand, 800);
    for (int i = 1; i <= DEMAND_SECONDS; i++) {
        demand_look(&demand, now + (uint64_t)i * SECOND, 0, 10);
        ck_assert_uint_eq(demand_peak(&demand), 900);
    }
    demand_look(&demand, now += (DEMAND_SECONDS + 1) * SECOND, 0, 10);
    ck_assert_uint_eq(demand_peak(&demand), 10);
    demand_look(&demand, now += 5 * SECOND, 0, 500);
    demand_forget_peak(&demand);
    ck_assert_uint_eq(demand_peak(&demand), 0);
    demand_look(&demand, now, 0, 20);
    ck_assert_uint_eq(demand_peak(&demand), 20);
}
END_TEST

START_TEST(test_worth_keeping)
{
    ck_assert_uint_eq(scavenge_keep(50 * MIB, 2048 * MIB, 0, 0), 50 * MIB);   // idle
    ck_assert_uint_eq(scavenge_keep(50 * MIB, 100 * MIB, GIB, 0), 100 * MIB); // busy: the goal
    ck_assert_uint_eq(scavenge_keep(50 * MIB, 2048 * MIB, GIB, 0),
                      50 * MIB + GIB);                                      // comes again every few seconds
    ck_assert_uint_eq(scavenge_keep(50 * MIB, 40 * MIB, GIB, 0), 50 * MIB); // past the goal
    ck_assert_uint_eq(scavenge_keep(50 * MIB, SIZE_MAX, 8 * MIB, 0), 58 * MIB); // no goal
    ck_assert_uint_eq(scavenge_keep(50 * MIB, 100 * MIB, GIB, 300 * MIB),
                      300 * MIB); // was a goal a moment ago
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("demand");
    TCase *tcase = tcase_create("demand");
    tcase_add_test(tcase, test_begins);
    tcase_add_test(tcase, test_steady);
    tcase_add_test(tcase, test_seldom);
    tcase_add_test(tcase, test_peak);
    tcase_add_test(tcase, test_worth_keeping);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
