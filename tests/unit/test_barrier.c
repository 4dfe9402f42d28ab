// world/barrier.c: which back-end is chosen, and when.
#include "heap/heap.h"
#include "world/barrier.h"
#include "world/kwrite.h"
#include "world/stop.h"

#include "unit.h"
#include "upcalls.h"

static void setup(void)
{
    ck_assert(heap_boot());
    stop_boot(SIGURG);
    thread_announce_own();
    ck_assert(kwrite_active);
}

START_TEST(test_mprotect_needs_a_watch)
{
    barrier_boot(BARRIER_MPROTECT);
    ck_assert_ptr_eq(barrier, &barrier_mprotect);
    ck_assert(kwrite_active);
}
END_TEST

// A process that ran without it, and whose collector begins anew: in a forked child, or after a rest.
START_TEST(test_mprotect_is_not_begun_late)
{
    barrier_boot(BARRIER_NONE);
    ck_assert(!kwrite_active);
    barrier_fork_child();
    ck_assert(!kwrite_active);
    barrier_boot(BARRIER_MPROTECT);
    ck_assert_ptr_eq(barrier, &barrier_none);
    ck_assert(!kwrite_active);
}
END_TEST

// A child whose parent had not chosen yet may still choose anything.
START_TEST(test_child_before_the_choice)
{
    barrier_fork_child();
    ck_assert(kwrite_active);
    barrier_boot(BARRIER_MPROTECT);
    ck_assert_ptr_eq(barrier, &barrier_mprotect);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("barrier");
    TCase *tests = tcase_create("choice");
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, test_mprotect_needs_a_watch);
    tcase_add_test(tests, test_mprotect_is_not_begun_late);
    tcase_add_test(tests, test_child_before_the_choice);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
