// gc/limiter.c as a function of times: the collector's share, what a burst may cost, and when the limiter is on.
#include "gc/limiter.h"

#include "unit.h"
#include "upcalls.h"

enum { CYCLES = 20000 };

static struct limiter limiter;
static uint64_t collector_ns, others_ns;

static void flow(uint64_t in_ns, uint64_t out_ns)
{
    limiter_flow(&limiter, in_ns, out_ns);
    collector_ns += in_ns;
    others_ns += out_ns;
}

// A program that asks for the next cycle at once, beside which a cycle of whatever length gets any share of the processors: the collector
// never has more than half, the bucket and a cycle.
START_TEST(test_half)
{
    uint64_t longest = 0;
    for (int i = 0; i < CYCLES; i++) {
        uint64_t cycle = next_random() % 1000000000,
                 beside = next_random() % 3 ? 0 : next_random() % (2 * cycle + 1);
        flow(cycle, beside);
        longest = cycle > longest ? cycle : longest;
        ck_assert_uint_le(collector_ns, others_ns + LIMITER_BUCKET_NS + longest);
        flow(0, limiter_excess_ns(&limiter));
        ck_assert_uint_eq(limiter_excess_ns(&limiter), 0);
    }
    ck_assert_uint_ge(
        collector_ns * 20,
        others_ns *
            7); // and is not kept from its share: what flows out beside it is forgotten only when empty
}
END_TEST

// What was not used is not saved: after a long rest a burst is as short as ever.
START_TEST(test_nothing_is_saved)
{
    flow(0, 1000 * (uint64_t)LIMITER_BUCKET_NS);
    flow(LIMITER_BUCKET_NS, 0);
    ck_assert(!limiter.on);
    ck_assert_uint_eq(limiter_excess_ns(&limiter), 0);
    flow(1, 0);
    ck_assert(limiter.on);
    ck_assert_uint_eq(limiter_excess_ns(&limiter), 1);
}
END_TEST

// On above the brim, off when half empty.
START_TEST(test_on_and_off)
{
    flow(LIMITER_BUCKET_NS + 10, 0);
    flow(0, 20);
    ck_assert_uint_eq(limiter_excess_ns(&limiter), 0);
    ck_assert(limiter.on);
    flow(0, LIMITER_BUCKET_NS / 2);
    ck_assert(!limiter.on);
    flow(LIMITER_BUCKET_NS / 2, 0);
    ck_assert(!limiter.on);
}
END_TEST

// Cycles that did not wait (manual ones) leave no debt behind but the last one's.
START_TEST(test_no_debt)
{
    for (int i = 0; i < 1000; i++)
        flow(500000000, 0);
    ck_assert_uint_eq(limiter_excess_ns(&limiter), 500000000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limiter");
    TCase *tcase = tcase_create("limiter");
    tcase_add_test(tcase, test_half);
    tcase_add_test(tcase, test_nothing_is_saved);
    tcase_add_test(tcase, test_on_and_off);
    tcase_add_test(tcase, test_no_debt);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
