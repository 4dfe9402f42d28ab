// leak/site.h: a stack has one number for ever, whoever asks, in whatever order.
#include "leak/site.h"

#include "heap/cache.h"
#include "leak/module.h"

#include "unit.h"
#include "upcalls.h"

#include <pthread.h>
#include <string.h>

enum { STACKS = 20000, DEPTH = 12, THREADS = 4 };

static void begin(void) { ck_assert(sites_boot()); }

// Stacks that have much in common.
static size_t stack_of(uint32_t number, uintptr_t frames[DEPTH])
{
    size_t depth = 1 + number % DEPTH;
    for (size_t i = 0; i < depth; i++)
        frames[i] = 1000 + (number >> i % 15) % 7 + (i == 0 ? number : 0);
    return depth;
}

static uint32_t site_of_number(uint32_t number)
{
    uintptr_t frames[DEPTH];
    size_t depth = stack_of(number, frames);
    return site_of(frames, depth);
}

// S1, S2.
START_TEST(a_stack_has_one_number)
{
    static uint32_t numbers[STACKS];
    for (uint32_t i = 0; i < STACKS; i++) {
        numbers[i] = site_of_number(i);
        ck_assert_uint_gt(numbers[i], SITE_UNKNOWN);
        ck_assert_uint_lt(numbers[i], sites_end());
    }
    for (uint32_t i = STACKS; i-- > 0;) {
        uintptr_t frames[DEPTH];
        size_t depth = stack_of(i, frames);
        const struct site *s = site_get(numbers[i]);
        ck_assert_uint_eq(site_of_number(i), numbers[i]);
        ck_assert_uint_eq(s->id, numbers[i]);
        ck_assert_uint_eq(s->depth, depth);
        ck_assert_int_eq(memcmp(s->frames, frames, depth * sizeof frames[0]), 0);
    }
    ck_assert_uint_eq(sites_end(), SITE_UNKNOWN + 1 + STACKS);
}
END_TEST

START_TEST(a_part_of_a_stack_is_another)
{
    uintptr_t frames[255] = {0};
    size_t most = sizeof frames / sizeof frames[0];
    for (size_t depth = 1; depth <= most; depth++)
        ck_assert_uint_eq(site_of(frames, depth), SITE_UNKNOWN + depth);
}
END_TEST

static uint32_t found[THREADS][STACKS];

static void *find_all(void *mine)
{
    uint32_t *numbers = mine, from = (uint32_t)(numbers - found[0]) / 3;
    for (uint32_t i = 0; i < STACKS; i++) {
        uint32_t number = (from + i) % STACKS;
        numbers[number] = site_of_number(number);
        site_count_alloc(numbers[number], 1, 10);
    }
    return NULL;
}

START_TEST(threads_agree)
{
    pthread_t threads[THREADS];
    atomic_store(&cache_one_thread, false);
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, find_all, found[i]), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(memcmp(found[i], found[0], sizeof found[0]), 0);
    ck_assert_uint_eq(sites_end(), SITE_UNKNOWN + 1 + STACKS);
    for (uint32_t i = 0; i < STACKS; i++) {
        ck_assert_uint_eq(site_get(found[0][i])->allocated_blocks, THREADS);
        ck_assert_uint_eq(site_get(found[0][i])->allocated_bytes, THREADS * 10);
    }
}
END_TEST

// S3, for a module that has not gone.
START_TEST(a_site_stays_while_its_modules_do)
{
    uintptr_t frames[2] = {(uintptr_t)begin, (uintptr_t)strlen};
    uint32_t site = site_of(frames, 2);
    ck_assert_uint_ne(site_get(site)->modules[0], 0);
    ck_assert_uint_ne(site_get(site)->modules[0], site_get(site)->modules[1]);
    ck_assert_ptr_nonnull(strstr(module_get(site_get(site)->modules[0])->path, "test_site"));
    sites_check_modules();
    ck_assert_uint_eq(site_of(frames, 2), site);
    module_mark(site_get(site)->modules[0])->gone = true; // as if
    module_mark(site_get(site)->modules[1])->link_map = NULL;
    sites_check_modules();
    ck_assert(site_get(site)->retired);
    ck_assert_uint_ne(site_of(frames, 2), site);
    ck_assert_uint_gt(site_of(frames, 2), site);
}
END_TEST

START_TEST(a_child_forgets_what_was_found)
{
    struct site *s = site_get(site_of_number(1));
    s->lost[LOST_DIRECT][PHASE_RUN].blocks = 3;
    s->suppressed.bytes = 4;
    s->written = true;
    s->allocated_blocks = 5;
    sites_forget_findings();
    ck_assert_uint_eq(s->lost[LOST_DIRECT][PHASE_RUN].blocks, 0);
    ck_assert_uint_eq(s->suppressed.bytes, 0);
    ck_assert(!s->written);
    ck_assert_uint_eq(s->allocated_blocks, 5);
}
END_TEST

// The time that a rate is over begins before all that it counts, and stays.
START_TEST(samples_are_lost_since_the_look_before)
{
    const struct site *early = site_get(site_of_number(1)), *late = site_get(site_of_number(2));
    site_count_lost_sample(early->id, 1, 10);
    sites_take_samples(100);
    ck_assert_uint_eq(early->since_ns, 0);
    ck_assert_uint_eq(early->first_ns, 100);
    site_count_lost_sample(early->id, 2, 10);
    site_count_lost_sample(late->id, 1, 10);
    sites_take_samples(200);
    ck_assert_uint_eq(early->since_ns, 0);
    ck_assert_uint_eq(early->first_ns, 100);
    ck_assert_uint_eq(early->last_ns, 200);
    ck_assert_uint_eq(early->lost[LOST_DIRECT][PHASE_RUN].bytes, 30);
    ck_assert_uint_eq(late->since_ns, 100);
    sites_take_samples(300);
    ck_assert_uint_eq(late->last_ns, 200);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("site");
    TCase *tcase = tcase_create("site");
    tcase_add_checked_fixture(tcase, begin, NULL);
    tcase_add_test(tcase, a_stack_has_one_number);
    tcase_add_test(tcase, a_part_of_a_stack_is_another);
    tcase_add_test(tcase, threads_agree);
    tcase_add_test(tcase, a_site_stays_while_its_modules_do);
    tcase_add_test(tcase, a_child_forgets_what_was_found);
    tcase_add_test(tcase, samples_are_lost_since_the_look_before);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
