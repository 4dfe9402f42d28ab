// world/regions.h against a list of what was added.
#include "world/regions.h"

#include "unit.h"
#include "upcalls.h"

#include <string.h>

enum { PLACES = 12, CHANGES = 20000 };

static unsigned times[PLACES][PLACES]; // [lo][hi - lo], of addresses counted in words
static unsigned seen[PLACES][PLACES];
static uintptr_t last_lo;

static void visit(uintptr_t lo, uintptr_t hi)
{
    ck_assert_uint_ge(lo, last_lo);
    last_lo = lo;
    seen[lo / 8][(hi - lo) / 8]++;
}

static void compare(void)
{
    memset(seen, 0, sizeof seen);
    last_lo = 0;
    regions_each(visit);
    for (unsigned lo = 0; lo < PLACES; lo++)
        for (unsigned n = 0; n < PLACES; n++)
            ck_assert_uint_eq(seen[lo][n], times[lo][n] > 0);
}

START_TEST(each_is_there_once_until_it_was_removed_as_often_as_added)
{
    for (int i = 0; i < CHANGES; i++) {
        unsigned lo = next_random() % PLACES, n = 1 + next_random() % (PLACES - 1);
        if (next_random() % 2) {
            ck_assert(regions_add(lo * 8, (lo + n) * 8));
            times[lo][n]++;
        } else {
            ck_assert_int_eq(regions_remove(lo * 8, (lo + n) * 8), times[lo][n] > 0);
            times[lo][n] -= times[lo][n] > 0;
        }
        if (i % 10 == 0)
            compare();
    }
}
END_TEST

START_TEST(there_is_room_for_many)
{
    enum { MANY = 5000 };
    for (uintptr_t i = 0; i < MANY; i++)
        ck_assert(regions_add(i * 7 % MANY * 64, i * 7 % MANY * 64 + 64));
    for (uintptr_t i = 0; i < MANY; i++)
        ck_assert(regions_remove(i * 64, i * 64 + 64));
    compare();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("regions");
    TCase *tcase = tcase_create("regions");
    tcase_add_test(tcase, each_is_there_once_until_it_was_removed_as_often_as_added);
    tcase_add_test(tcase, there_is_room_for_many);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
