// heap/kept.h: what is kept comes back for requests that it can hold, once, and never too much of it.
#include "heap/kept.h"

#include "base/bits.h"

#include "unit.h"

#include <string.h>

static size_t given;

static void count(void *start)
{
    (void)start;
    given++;
}

// jemalloc's size classes from 20 KiB on: four a doubling.
static size_t next_class(size_t bytes)
{
    size_t step = (size_t)1 << (63 - __builtin_clzl(bytes)) >> 2;
    return bytes + step;
}

START_TEST(test_any_request_of_the_class)
{
    size_t below = KEPT_LEAST;
    for (size_t class = next_class(below); class <= KEPT_MOST; below = class, class = next_class(class)) {
        void *extent = (void *)class;
        const size_t fitting[] = {below + 1, below + PAGE_BYTES, class - 1, class};
        for (size_t i = 0; i < sizeof fitting / sizeof fitting[0]; i++) {
            ck_assert(kept_put(extent, class));
            ck_assert_ptr_null(kept_take(below));
            ck_assert_ptr_null(kept_take(class + 1));
            ck_assert_ptr_eq(kept_take(fitting[i]), extent);
            ck_assert_ptr_null(kept_take(fitting[i]));
        }
    }
}
END_TEST

START_TEST(test_neither_small_nor_large)
{
    ck_assert(!kept_put((void *)PAGE_BYTES, KEPT_LEAST));
    ck_assert(!kept_put((void *)PAGE_BYTES, KEPT_MOST + PAGE_BYTES));
    ck_assert_ptr_null(kept_take(1));
    ck_assert_ptr_null(kept_take(KEPT_LEAST));
    ck_assert_ptr_null(kept_take(KEPT_MOST + 1));
    ck_assert_ptr_null(kept_take(SIZE_MAX));
}
END_TEST

START_TEST(test_bound)
{
    size_t bytes = 0, kept = 0;
    for (size_t class = next_class(KEPT_LEAST); class <= KEPT_MOST; class = next_class(class))
        for (int i = 0; i < 100; i++)
            if (kept_put((void *)class, class)) {
                bytes += class;
                kept++;
            }
    ck_assert_uint_gt(kept, 16);
    ck_assert_uint_le(bytes, KEPT_BYTES);
    ck_assert_uint_gt(bytes, KEPT_BYTES - KEPT_MOST);
    given = 0;
    kept_release(count);
    ck_assert_uint_eq(given, kept);
    ck_assert(kept_put((void *)KEPT_MOST, KEPT_MOST)); // there is room again
    kept_release(count);
    ck_assert_uint_eq(given, kept + 1);
    ck_assert_ptr_null(kept_take(KEPT_MOST));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kept");
    TCase *tcase = tcase_create("kept");
    tcase_add_test(tcase, test_any_request_of_the_class);
    tcase_add_test(tcase, test_neither_small_nor_large);
    tcase_add_test(tcase, test_bound);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
