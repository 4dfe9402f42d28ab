// heap/trail.h against the last frees of several threads that are remembered here.
#include "heap/trail.h"

#include "base/bits.h"
#include "base/meta.h"

#include "unit.h"
#include "upcalls.h"

#include <pthread.h>

enum { THREADS = 4, FREES = 5000, SOME = 300 };

static uintptr_t base_of(size_t thread, size_t n) { return (thread + 1) << 32 | n << 4; }

static uintptr_t call_of(size_t thread, size_t n) { return 0x400000 + thread * FREES + n; }

static pthread_barrier_t *all_there;

static void *free_many(void *arg)
{
    size_t thread = (size_t)arg;
    cache_self.state = CACHE_LIVE;
    trail_note(base_of(thread, 0), 0);
    if (all_there)
        pthread_barrier_wait(all_there); // else one would take over the row of another
    for (size_t n = 0; n < FREES; n++)
        trail_note(base_of(thread, n), call_of(thread, n));
    trail_thread_ends();
    return NULL;
}

static void run(size_t from, size_t to)
{
    pthread_t threads[THREADS];
    for (size_t t = from; t < to; t++)
        ck_assert_int_eq(pthread_create(&threads[t], NULL, free_many, (void *)t), 0);
    for (size_t t = from; t < to; t++)
        ck_assert_int_eq(pthread_join(threads[t], NULL), 0);
}

START_TEST(test_last_frees_of_each_thread_are_known)
{
    pthread_barrier_t barrier;
    ck_assert_uint_eq(trail_find(base_of(0, 0)), 0);
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    all_there = &barrier;
    run(0, THREADS);
    for (size_t t = 0; t < THREADS; t++) {
        ck_assert_uint_eq(trail_find(base_of(t, FREES - TRAIL_ENTRIES - 1)), 0);
        for (size_t n = FREES - SOME; n < FREES; n++)
            ck_assert_uint_eq(trail_find(base_of(t, n)), call_of(t, n));
    }
}
END_TEST

START_TEST(test_newest_free_of_a_block_counts)
{
    cache_self.state = CACHE_LIVE;
    for (size_t n = 0; n < SOME; n++)
        ck_assert(trail_note(base_of(0, 0), call_of(0, n)));
    ck_assert_uint_eq(trail_find(base_of(0, 0)), call_of(0, SOME - 1));
}
END_TEST

// A thread that comes when another has ended goes on in its row.
START_TEST(test_rows_are_taken_over)
{
    size_t before;
    run(0, 1);
    before = meta_mapped_bytes();
    for (int turn = 0; turn < SOME; turn++)
        run(1, 2);
    ck_assert_uint_eq(meta_mapped_bytes(), before);
    ck_assert_uint_eq(trail_find(base_of(1, FREES - 1)), call_of(1, FREES - 1));
    ck_assert_uint_eq(trail_find(base_of(0, FREES - 1)), 0);
}
END_TEST

// What is freed then goes untold.
START_TEST(test_threads_without_a_told_end_get_no_row)
{
    static const uint8_t states[] = {CACHE_NEW, CACHE_DEAD};
    size_t before = meta_mapped_bytes();
    cache_self.state = states[_i];
    ck_assert(!trail_note(base_of(0, 0), call_of(0, 0)));
    ck_assert_uint_eq(trail_find(base_of(0, 0)), 0);
    ck_assert_uint_eq(meta_mapped_bytes(), before);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trail");
    TCase *tcase = tcase_create("trail");
    tcase_add_test(tcase, test_last_frees_of_each_thread_are_known);
    tcase_add_test(tcase, test_newest_free_of_a_block_counts);
    tcase_add_test(tcase, test_rows_are_taken_over);
    tcase_add_loop_test(tcase, test_threads_without_a_told_end_get_no_row, 0, 2);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
