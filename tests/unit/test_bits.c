// base/bits.h against the slow and obvious way.
#include "base/bits.h"

#include "unit.h"

#include <stdlib.h>

START_TEST(test_align)
{
    for (size_t power = 1; power <= 64 * KIB; power *= 2)
        for (size_t n = 0; n < 1000; n++) {
            size_t at = n < 500 ? n : next_random() >> 16;
            ck_assert_uint_eq(align_down(at, power), at - at % power);
            ck_assert_uint_eq(align_up(at, power), at % power ? at - at % power + power : at);
        }
}
END_TEST

START_TEST(test_align_at_the_top)
{
    ck_assert_uint_eq(align_down(SIZE_MAX, PAGE_BYTES), SIZE_MAX - (PAGE_BYTES - 1));
    ck_assert_uint_eq(align_up(SIZE_MAX - (PAGE_BYTES - 1), PAGE_BYTES), SIZE_MAX - (PAGE_BYTES - 1));
}
END_TEST

START_TEST(test_power_of_two)
{
    ck_assert(!is_power_of_two(0));
    for (int i = 0; i < 64; i++) {
        size_t power = (size_t)1 << i;
        ck_assert(is_power_of_two(power));
        ck_assert(i == 0 || !is_power_of_two(power | 1));
        ck_assert(i < 2 || !is_power_of_two(power - 1));
    }
}
END_TEST

START_TEST(test_min_max)
{
    static const size_t values[] = {0, 1, 2, PAGE_BYTES, (size_t)1 << 63, SIZE_MAX};
    enum { COUNT = sizeof values / sizeof values[0] }; // ascending
    for (size_t a = 0; a < COUNT; a++)
        for (size_t b = 0; b < COUNT; b++) {
            ck_assert_uint_eq(min_size(values[a], values[b]), values[a < b ? a : b]);
            ck_assert_uint_eq(max_size(values[a], values[b]), values[a < b ? b : a]);
        }
}
END_TEST

static uint64_t lowest_bits_slowly(uint64_t word, unsigned count)
{
    uint64_t result = 0;
    for (unsigned i = 0; i < 64; i++)
        if (word >> i & 1 && count) {
            result |= UINT64_C(1) << i;
            count--;
        }
    return result;
}

START_TEST(test_lowest_bits)
{
    for (unsigned count = 0; count <= 66; count++) {
        ck_assert_uint_eq(lowest_bits(0, count), 0);
        ck_assert_uint_eq(lowest_bits(UINT64_MAX, count), lowest_bits_slowly(UINT64_MAX, count));
        for (int i = 0; i < 500; i++) {
            uint64_t word = i % 2 ? next_random() : next_random() & next_random() & next_random();
            ck_assert_uint_eq(lowest_bits(word, count), lowest_bits_slowly(word, count));
        }
    }
}
END_TEST

START_TEST(test_sizes)
{
    ck_assert_uint_eq(PAGE_BYTES, 4096);
    ck_assert_uint_eq(KIB, 1024);
    ck_assert_uint_eq(MIB, 1024 * KIB);
    ck_assert_uint_eq(GIB, 1024 * MIB);
    ck_assert_uint_eq(TIB, 1024 * GIB);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bits");
    TCase *tcase = tcase_create("bits");
    tcase_add_test(tcase, test_align);
    tcase_add_test(tcase, test_align_at_the_top);
    tcase_add_test(tcase, test_power_of_two);
    tcase_add_test(tcase, test_min_max);
    tcase_add_test(tcase, test_lowest_bits);
    tcase_add_test(tcase, test_sizes);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
