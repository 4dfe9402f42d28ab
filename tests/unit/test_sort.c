// base/sort.h: the order is the one asked for, and no number is lost, whatever the answers.
#include "base/sort.h"

#include "unit.h"
#include "upcalls.h"

enum { MOST = 1000 };

static bool is_less(uint32_t a, uint32_t b) { return a < b; }
static bool is_greater(uint32_t a, uint32_t b) { return a > b; }
static bool says_anything(uint32_t a, uint32_t b)
{
    (void)a, (void)b;
    return next_random() & 1;
}

static uint64_t sum(const uint32_t *list, size_t n)
{
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += (uint64_t)list[i] * list[i];
    return total;
}

START_TEST(numbers_are_sorted)
{
    uint32_t list[MOST], range = (uint32_t[]){1, 10, UINT32_MAX}[_i];
    for (size_t n = 0; n < MOST; n += 1 + n / 5) {
        for (size_t i = 0; i < n; i++)
            list[i] = (uint32_t)(next_random() % range);
        uint64_t before = sum(list, n);
        sort_numbers(list, n, says_anything);
        ck_assert_uint_eq(sum(list, n), before);
        sort_numbers(list, n, is_less);
        for (size_t i = 1; i < n; i++)
            ck_assert_uint_le(list[i - 1], list[i]);
        sort_numbers(list, n, is_greater);
        for (size_t i = 1; i < n; i++)
            ck_assert_uint_ge(list[i - 1], list[i]);
        ck_assert_uint_eq(sum(list, n), before);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sort");
    TCase *tcase = tcase_create("sort");
    tcase_add_loop_test(tcase, numbers_are_sorted, 0, 3);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
