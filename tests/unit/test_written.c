// world/written.h: what is noted of which page, and when a window may open.
#include "world/written.h"

#include "base/clock.h"
#include "heap/cage.h"

#include "unit.h"

enum { PAGES = 100 };

static uintptr_t lo;

static void begin(void)
{
    ck_assert(cage_boot());
    lo = (uintptr_t)cage_carve(PAGES * PAGE_BYTES, PAGE_BYTES);
    ck_assert_uint_ne(lo, 0);
    ck_assert(written_boot());
    written_begin();
    written_look(cage_top());
}

static uint32_t moment(void) { return (uint32_t)(clock_ns() >> WRITTEN_SHIFT); }

static void wait_for_next_moment(void)
{
    for (uint32_t now = moment(); moment() == now;)
        rest();
}

START_TEST(a_page_was_written_when_a_look_found_it)
{
    uint32_t first = written_last(lo, PAGES * PAGE_BYTES);
    ck_assert_uint_le(first, moment());
    wait_for_next_moment();
    wait_for_next_moment();
    uint32_t before = moment();
    written_look(cage_top());
    written_note(lo + 3 * PAGE_BYTES, lo + 5 * PAGE_BYTES);
    ck_assert_uint_gt(written_last(lo + 3 * PAGE_BYTES, 1), first);
    ck_assert_uint_gt(written_last(lo + 4 * PAGE_BYTES, 1), first);
    ck_assert_uint_eq(written_last(lo + 5 * PAGE_BYTES, PAGES / 2 * PAGE_BYTES), first);
    ck_assert_uint_eq(written_last(lo, 3 * PAGE_BYTES), first);
    ck_assert_uint_gt(written_last(lo, 3 * PAGE_BYTES + 1),
                      first); // a block is as fresh as its freshest page
    ck_assert_uint_gt(written_last(lo + 3 * PAGE_BYTES, 1), before); // E1: no earlier than it was
}
END_TEST

START_TEST(what_was_before_track_was_lost_is_not_known)
{
    wait_for_next_moment();
    written_lose_track();
    ck_assert_uint_ge(written_last(lo, 1) + 1, moment());
}
END_TEST

START_TEST(memory_beyond_the_table_counts_as_written)
{
    uint32_t first = written_last(lo, 1);
    wait_for_next_moment();
    wait_for_next_moment();
    written_look(cage_top());
    ck_assert_uint_gt(written_last(cage.base + cage.bytes - PAGE_BYTES, PAGE_BYTES), first);
    written_note(cage.base, cage.base + cage.bytes); // and is not noted
}
END_TEST

START_TEST(a_window_waits_until_the_one_before_is_paid_for)
{
    ck_assert(written_may_watch());
    written_window_opens();
    written_window_ends(10 * PAGE_BYTES);
    ck_assert_uint_eq(written_windows(), 1);
    written_window_opens();
    written_window_ends((size_t)1 << 40);
    ck_assert(!written_may_watch());
    ck_assert_uint_eq(written_windows(), 2);
    written_window_ends(1); // none is open
    ck_assert_uint_eq(written_windows(), 2);
}
END_TEST

START_TEST(nobody_asked)
{
    ck_assert(cage_boot());
    written_begin();
    ck_assert(!written_may_watch());
    written_look(cage_top());
    written_note(cage.base, cage_top());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("written");
    TCase *tcase = tcase_create("written"), *off = tcase_create("off");
    tcase_add_checked_fixture(tcase, begin, NULL);
    tcase_add_test(tcase, a_page_was_written_when_a_look_found_it);
    tcase_add_test(tcase, what_was_before_track_was_lost_is_not_known);
    tcase_add_test(tcase, memory_beyond_the_table_counts_as_written);
    tcase_add_test(tcase, a_window_waits_until_the_one_before_is_paid_for);
    suite_add_tcase(suite, tcase);
    tcase_add_test(off, nobody_asked);
    suite_add_tcase(suite, off);
    return run_suite(suite);
}
