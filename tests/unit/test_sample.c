// Sampling in heap/cache.c: what samples stand for adds up to what was requested, whichever path a request took.
#include "heap/cache.h"
#include "heap/heap.h"

#include "unit.h"
#include "upcalls.h"

#include <math.h>

enum { MEAN = 4096, REQUESTS = 2000000 };

static struct cache c;

static void setup(void)
{
    cache_sample_bytes = MEAN;
    c = (struct cache){.dice = 42}; // the same draws every time
}

// As malloc does it (preload/malloc.c). Whether the request is a sample.
static bool request(size_t n)
{
    if (n < c.quick) {
        c.quick -= n;
        return false;
    }
    bool sample = cache_is_sample(&c, n);
    if (!sample)
        cache_open_short_path(&c, true);
    ck_assert_uint_le(c.quick, SMALL_MAX + 1);
    return sample;
}

static void check_share(const char *what, double estimated, double real, double samples)
{
    double tolerance = 5 / sqrt(samples); // five standard deviations of a count
    ck_assert_msg(fabs(estimated / real - 1) < tolerance, "%s: %.0f estimated, %.0f real, %.0f samples", what,
                  estimated, real, samples);
}

// Sizes mixed, each with a share of its own: small ones in the short path, ones above its bound, and one above the mean.
static const size_t sizes[] = {1, 24, 48, 200, 5000, 40000};
static const unsigned one_in[] = {2, 2, 3, 7, 50, 400};

START_TEST(samples_add_up_by_size)
{
    uint64_t real[6] = {0}, estimated[6] = {0}, samples[6] = {0};
    for (unsigned i = 0; i < REQUESTS; i++)
        for (size_t k = 0; k < 6; k++)
            if (next_random() % one_in[k] == 0) {
                real[k]++;
                if (request(sizes[k])) {
                    samples[k]++;
                    estimated[k] += cache_sample_weight(&c, sizes[k]);
                }
            }
    for (size_t k = 0; k < 6; k++) {
        ck_assert_uint_gt(samples[k], 100);
        check_share("blocks", (double)estimated[k], (double)real[k], (double)samples[k]);
    }
}
END_TEST

// While the short path is closed, as with the mprotect barrier before the choice, every request comes the long way.
START_TEST(samples_add_up_without_the_short_path)
{
    uint64_t estimated = 0, samples = 0;
    for (unsigned i = 0; i < REQUESTS; i++) {
        ck_assert_uint_eq(c.quick, 0);
        if (cache_is_sample(&c, 100)) {
            samples++;
            estimated += cache_sample_weight(&c, 100);
        }
        cache_open_short_path(&c, false);
    }
    check_share("blocks", (double)estimated, REQUESTS, (double)samples);
}
END_TEST

// What a signal handler's malloc did between the load and the store of quick is overwritten: at most one grant goes uncounted.
START_TEST(an_interrupted_count_stays_in_bounds)
{
    for (unsigned i = 0; i < 10000; i++) {
        size_t before = c.quick;
        for (unsigned k = next_random() % 50; k > 0; k--)
            request(next_random() % 1000);
        if (before > 10)
            c.quick = before - 10;
        request(next_random() % 1000);
        ck_assert_uint_le(c.quick, SMALL_MAX + 1);
        ck_assert_uint_lt(c.until_sample, 100 * MEAN);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sample");
    TCase *tcase = tcase_create("sample");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, samples_add_up_by_size);
    tcase_add_test(tcase, samples_add_up_without_the_short_path);
    tcase_add_test(tcase, an_interrupted_count_stays_in_bounds);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
