// gc/pool.h: against a model of generations in one thread, with stops in between; and with several threads, where no item may be had twice.
#include "gc/pool.h"

#include "heap/heap.h"

#include "unit.h"
#include "upcalls.h"

#include <pthread.h>
#include <string.h>

enum { ITEMS = 200, STEPS = 200000, THREADS = 4, TURNS = 20000, GONE = 9 };

// A final stop of a cycle, as far as pools see it.
static void stop_passes(void) { atomic_fetch_add(&heap_sweep_epoch, 2); }

static char items[ITEMS + 1];               // item i is the address of the ith byte
static unsigned char generation[ITEMS + 1]; // in the pool since so many stops; GONE: not there
static unsigned roots[ITEMS + 1], dropped[ITEMS + 1];

static void *item(size_t i) { return &items[i]; }
static size_t number(const void *p) { return (size_t)((const char *)p - items); }
static void count_root(uintptr_t at) { roots[at ? number((void *)at) : 0]++; }
static void count_dropped(uintptr_t at) { dropped[at ? number((void *)at) : 0]++; }

static void setup(void)
{
    ck_assert(heap_boot());
    memset(generation, GONE, sizeof generation);
}

static size_t youngest(void)
{
    size_t best = GONE;
    for (size_t i = 1; i <= ITEMS; i++)
        best = generation[i] < best ? generation[i] : best;
    return best;
}

// Whoever is root at a stop: what was put since the last one. Whoever is dropped: what was victim before it. Nobody is both, and none twice.
static void stop(bool all)
{
    memset(dropped, 0, sizeof dropped);
    if (all)
        memset(roots, 0, sizeof roots);
    pools_visit_stopped(all, count_root, count_dropped);
    for (size_t i = 1; i <= ITEMS; i++) {
        if (generation[i] == 0)
            ck_assert_uint_ge(roots[i], 1);
        else if (all)
            ck_assert_uint_eq(roots[i], 0);
        ck_assert_uint_eq(dropped[i], generation[i] == 1);
        generation[i] = generation[i] == 0 ? 1 : GONE;
    }
    stop_passes();
}

static void put_one(struct pool *pool)
{
    size_t i = 1 + next_random() % ITEMS;
    if (generation[i] != GONE)
        return;
    ck_assert(pool_put(pool, item(i)));
    generation[i] = 0;
}

// Victims only where there is nothing younger.
static void get_one(struct pool *pool)
{
    const void *p = pool_get(pool);
    size_t best = youngest();
    ck_assert_int_eq(p != NULL, best != GONE);
    if (p)
        ck_assert_uint_eq(generation[number(p)], best);
    if (p)
        generation[number(p)] = GONE;
}

static void change(struct pool *pool, unsigned putting)
{
    (next_random() % 8 < putting ? put_one : get_one)(pool);
}

START_TEST(items_are_had_again_for_two_stops)
{
    struct pool *pool = pool_new();
    for (int i = 0; i < STEPS; i++) {
        change(pool, 1 + (unsigned)(i / 1000) % 7);
        if (next_random() % 300 == 0)
            stop(true);
    }
    pool_free(pool);
}
END_TEST

// Q4: what the visit beside the program has seen and the stop leaves out is there still.
START_TEST(two_visits_see_all_that_is_young)
{
    struct pool *pool = pool_new();
    for (int cycle = 0; cycle < 2000; cycle++) {
        size_t before = next_random() % 300, after = next_random() % 300;
        for (size_t i = 0; i < before; i++)
            change(pool, 6);
        memset(roots, 0, sizeof roots);
        if (cycle % 5)
            pools_visit_running(count_root);
        for (size_t i = 0; i < after; i++)
            change(pool, 1 + (unsigned)cycle % 7);
        stop(cycle % 5 == 0);
    }
    pool_free(pool);
}
END_TEST

START_TEST(an_idle_shard_gives_nothing_after_two_stops)
{
    struct pool *pool = pool_new();
    for (size_t i = 1; i <= ITEMS; i++)
        ck_assert(pool_put(pool, item(i)));
    stop_passes();
    stop_passes();
    ck_assert_ptr_null(pool_get(pool));
    ck_assert(pool_put(pool, item(1)));
    ck_assert_ptr_eq(pool_get(pool), item(1));
    pool_free(pool);
}
END_TEST

static void *put_all(void *pool)
{
    for (size_t i = 1; i <= ITEMS; i++)
        ck_assert(pool_put(pool, item(i)));
    pools_thread_exit();
    return NULL;
}

START_TEST(what_a_thread_leaves_is_anybodys)
{
    struct pool *pool = pool_new();
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, put_all, pool), 0);
    pthread_join(thread, NULL);
    memset(roots, 0, sizeof roots);
    pools_visit_stopped(true, count_root, NULL);
    for (size_t i = 1; i <= ITEMS; i++)
        ck_assert_uint_eq(roots[i], 1);
    stop_passes();
    for (size_t i = 1; i <= ITEMS; i++)
        ck_assert_ptr_nonnull(pool_get(pool));
    ck_assert_ptr_null(pool_get(pool));
    pool_free(pool);
}
END_TEST

START_TEST(a_freed_pools_items_are_not_the_next_ones)
{
    for (int i = 0; i < 100; i++) {
        struct pool *first = pool_new(), *second = pool_new();
        ck_assert(pool_put(first, item(1)) && pool_put(second, item(2)));
        pool_free(first);
        struct pool *third = pool_new();
        ck_assert_ptr_null(pool_get(third));
        ck_assert_ptr_eq(pool_get(second), item(2));
        pool_free(second);
        pool_free(third);
    }
}
END_TEST

// --- threads ------------------------------------------------------------------------------------------------

static _Atomic unsigned holders[ITEMS + 1];

static void let_go(struct pool *pool, void *p)
{
    ck_assert_uint_eq(atomic_fetch_sub(&holders[number(p)], 1), 1);
    ck_assert(pool_put(pool, p));
}

static void *swap(void *pool)
{
    void *held[ITEMS];
    size_t count = 0;
    random_state = (uintptr_t)&held | 1;
    for (int i = 0; i < TURNS; i++) {
        bool gets = count == 0 || (count < ITEMS && next_random() % 2);
        void *p = gets ? pool_get(pool) : NULL;
        if (p) {
            ck_assert_uint_eq(atomic_fetch_add(&holders[number(p)], 1), 0);
            held[count++] = p;
        } else if (count) {
            let_go(pool, held[--count]);
        }
    }
    while (count)
        let_go(pool, held[--count]);
    pools_thread_exit();
    return NULL;
}

START_TEST(no_item_is_had_by_two)
{
    pthread_t threads[THREADS];
    struct pool *pool = pool_new();
    for (size_t i = 1; i <= ITEMS; i++)
        ck_assert(pool_put(pool, item(i)));
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, swap, pool), 0);
    for (int i = 0; i < 200; i++)
        pools_visit_running(count_root);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    size_t count = 0;
    for (; pool_get(pool); count++)
        ;
    ck_assert_uint_eq(count, ITEMS);
    pool_free(pool);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pool");
    TCase *tcase = tcase_create("pool");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, items_are_had_again_for_two_stops);
    tcase_add_test(tcase, two_visits_see_all_that_is_young);
    tcase_add_test(tcase, an_idle_shard_gives_nothing_after_two_stops);
    tcase_add_test(tcase, what_a_thread_leaves_is_anybodys);
    tcase_add_test(tcase, a_freed_pools_items_are_not_the_next_ones);
    tcase_add_test(tcase, no_item_is_had_by_two);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
