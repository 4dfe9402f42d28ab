// The fail-safe rule: B1, B2.
#include "gc/doubt.h"

#include "base/log.h"
#include "upcalls.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static char logged[4096];

static void keep(const char *line, size_t bytes) { strncat(logged, line, bytes); }

static void set_up(void)
{
    log_writer = keep;
    logged[0] = 0;
    doubt_begin();
    doubt_begin();
}

START_TEST(a_cycle_without_reasons_reclaims)
{
    doubt_for(NULL);
    ck_assert(!doubt_some());
    ck_assert_ptr_null(doubt_text());
}
END_TEST

START_TEST(all_reasons_are_kept_and_each_once)
{
    doubt_for("a thread did not stop");
    doubt_for("a root could not be read");
    doubt_for("a thread did not stop");
    ck_assert(doubt_some());
    ck_assert_str_eq(doubt_text(), "a thread did not stop; a root could not be read");
    doubt_begin();
    ck_assert(!doubt_some());
}
END_TEST

START_TEST(one_cycle_is_no_news_and_a_row_is_told_once)
{
    for (int cycle = 0; cycle < DOUBT_ROW + 3; cycle++) {
        doubt_begin();
        doubt_for("no memory for the mark stack");
        doubt_tell();
        ck_assert_int_eq(strstr(logged, "cycles: no memory for the mark stack\n") != NULL,
                         cycle >= DOUBT_ROW - 1);
    }
    ck_assert_ptr_null(strstr(strstr(logged, "cycles: no memory") + 1, "cycles: no memory"));
    doubt_begin();
    doubt_for("another");
    doubt_tell();
    ck_assert_ptr_nonnull(strstr(logged, "cycles: another\n"));
}
END_TEST

START_TEST(many_reasons_do_not_overflow)
{
    static char names[64][64];
    for (int i = 0; i < 64; i++) {
        memset(names[i], 'a' + i % 26, 60);
        names[i][59 - i / 26] = 0;
        doubt_for(names[i]);
    }
    ck_assert_uint_lt(strlen(doubt_text()), 384);
}
END_TEST

START_TEST(for_good_is_for_good)
{
    ck_assert(!doubt_is_for_good());
    ck_assert(doubt_for_good("the program brings its own malloc"));
    ck_assert(!doubt_for_good("something else"));
    doubt_begin();
    ck_assert(doubt_is_for_good());
    ck_assert_str_eq(doubt_why_for_good(), "the program brings its own malloc");
    ck_assert_ptr_nonnull(strstr(logged, "in this process: the program brings its own malloc\n"));
    ck_assert_ptr_null(strstr(logged, "something else"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("doubt");
    TCase *c = tcase_create("doubt");
    tcase_add_checked_fixture(c, set_up, NULL);
    tcase_add_test(c, a_cycle_without_reasons_reclaims);
    tcase_add_test(c, all_reasons_are_kept_and_each_once);
    tcase_add_test(c, one_cycle_is_no_news_and_a_row_is_told_once);
    tcase_add_test(c, many_reasons_do_not_overflow);
    tcase_add_test(c, for_good_is_for_good);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
