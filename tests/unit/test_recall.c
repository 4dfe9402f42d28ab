// leak/recall.h: what is recalled is what the unwinder says, whatever stacks come and go; and when nothing may be recalled.
#include "leak/recall.h"

#include "leak/site.h"
#include "leak/stack.h"
#include "plugins/recalled.h"
#include "world/thread.h"

#include "unit.h"
#include "upcalls.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

enum { MOST = 40, DEPTH = 8, WALKS = 20000, PATHS = 40, STORM_US = 200, SIGNALS = 2000 };

static void (*walk)(uint64_t path, unsigned depth, void (*visit)(void));
static _Atomic unsigned long asked, recalled, wrong;

static void join(void)
{
    pthread_attr_t attr;
    void *lo;
    size_t bytes;
    ck_assert_int_eq(pthread_getattr_np(pthread_self(), &attr), 0);
    pthread_attr_getstack(&attr, &lo, &bytes);
    pthread_attr_destroy(&attr);
    thread_set_stack((uintptr_t)lo, (uintptr_t)lo + bytes, 0);
}

static void setup(void)
{
    char path[4096];
    ck_assert(heap_boot() && sites_boot() && stack_open());
    ssize_t bytes = readlink("/proc/self/exe", path, sizeof path - 1);
    path[bytes > 0 ? bytes : 0] = 0;
    strcpy(strrchr(path, '/'), "/recalled.so");
    void *plugin = dlopen(path, RTLD_NOW);
    ck_assert_msg(plugin, "%s", dlerror());
    walk = (typeof(walk))dlsym(plugin, "recalled_walk");
    join();
}

// --- an allocation ---------------------------------------------------------------------------------------------------

static __thread uint32_t last_recalled, last_site;

static __attribute__((noinline)) uint32_t site_of_stack(const void *caller)
{
    uintptr_t frames[MOST];
    return site_of(frames, stack_take(frames, MOST, caller));
}

static __attribute__((noinline)) void visit(void)
{
    const void *caller = __builtin_return_address(0);
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    if (crit_inside())
        return; // a handler, in the middle of a new site
    last_recalled = recall(caller, frame);
    last_site = site_of_stack(caller);
    asked++;
    recalled += last_recalled != 0;
    wrong += last_recalled && last_recalled != last_site;
    if (!last_recalled)
        recall_learn(caller, frame, last_site);
}

static uint32_t visit_at(uint64_t path)
{
    walk(path, DEPTH, visit);
    return last_recalled;
}

// R1: the third time.
START_TEST(test_third_time)
{
    ck_assert_uint_eq(visit_at(0x55), 0);
    ck_assert_uint_eq(visit_at(0x55), 0);
    uint32_t site = last_site;
    ck_assert_uint_eq(site_get(site)->depth > DEPTH, true);
    ck_assert_uint_eq(visit_at(0x55), site);
    ck_assert_uint_eq(last_site, site);
}
END_TEST

// Caller, stack pointer and depth are the same; one return address far up is not.
START_TEST(test_other_way_up)
{
    for (int i = 0; i < 3; i++)
        visit_at(0x55);
    ck_assert_uint_ne(last_recalled, 0);
    for (unsigned bit = 0; bit < DEPTH; bit++) {
        ck_assert_uint_eq(visit_at(0x55 ^ 1u << bit), 0);
        for (int i = 0; i < 3; i++)
            visit_at(0x55);
        ck_assert_uint_ne(last_recalled, 0);
    }
    ck_assert_uint_eq(wrong, 0);
}
END_TEST

// A few ways that come again and again, in any order, at several depths.
static void wander(uint64_t seed)
{
    random_state = seed;
    for (unsigned i = 0; i < WALKS; i++) {
        uint64_t dice = next_random();
        walk(dice % PATHS * 0x9e3779b97f4a7c15, (unsigned)(dice >> 32) % (dice % 5 ? 2 : DEPTH), visit);
    }
}

START_TEST(test_many_ways)
{
    wander(1);
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_gt(recalled, asked / 4);
}
END_TEST

static void *wander_as_thread(void *seed)
{
    join();
    wander((uintptr_t)seed);
    recall_thread_exit();
    thread_unregister();
    return NULL;
}

START_TEST(test_threads)
{
    enum { THREADS = 4, GENERATIONS = 4 };
    pthread_t threads[THREADS];
    for (uintptr_t generation = 0; generation < GENERATIONS; generation++) { // tables come from those before
        for (uintptr_t i = 0; i < THREADS; i++)
            ck_assert_int_eq(
                pthread_create(&threads[i], NULL, wander_as_thread, (void *)(generation * THREADS + i + 1)),
                0);
        for (size_t i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
    }
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_gt(recalled, asked / 4);
}
END_TEST

// --- when nothing is recalled ------------------------------------------------------------------------------------------

// R3.
START_TEST(test_retired)
{
    for (int i = 0; i < 3; i++)
        visit_at(3);
    ck_assert_uint_ne(last_recalled, 0);
    site_get(last_site)->retired = true;
    ck_assert_uint_eq(visit_at(3), 0);
    for (int i = 0; i < 2; i++)
        visit_at(3);
    ck_assert_uint_ne(last_recalled, 0); // as another site
    ck_assert_uint_eq(wrong, 0);
}
END_TEST

// A thread that is over and goes on for a moment has no table; it may have another.
START_TEST(test_after_the_end)
{
    for (int i = 0; i < 3; i++)
        visit_at(3);
    ck_assert_uint_ne(last_recalled, 0);
    recall_thread_exit();
    ck_assert_uint_eq(visit_at(3), 0);
    recall_thread_exit();
    thread_unregister();
    for (int i = 0; i < 4; i++)
        ck_assert_uint_eq(visit_at(3), 0);
}
END_TEST

// R1: who has learned much and recalled nothing learns no more, until something it knows comes back.
START_TEST(test_no_credit)
{
    for (uint64_t path = 0; path < 256; path++)
        for (int i = 0; i < 2; i++)
            ck_assert_uint_eq(visit_at(path), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(visit_at(7), 0);
    ck_assert_uint_eq(recalled, 0);
}
END_TEST

// R4: signals come at every moment, also while their thread learns; a handler's way has innermost frames of its own, and some that were
// learned by whom it interrupts.
static unsigned signals;

static void on_signal(int signal)
{
    struct itimerval next = {.it_value = {0, STORM_US + (suseconds_t)(asked % STORM_US)}};
    uint32_t kept_recalled = last_recalled, kept_site = last_site;
    (void)signal;
    walk(asked % PATHS, 3, visit);
    last_recalled = kept_recalled;
    last_site = kept_site;
    if (++signals < SIGNALS) // on a loaded machine they would come faster than they are handled
        setitimer(ITIMER_REAL, &next, NULL);
}

START_TEST(test_signals)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGALRM, &action, NULL);
    raise(SIGALRM);
    for (uint64_t seed = 1; seed < 4; seed++)
        wander(seed);
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_gt(asked, 3 * WALKS);
    ck_assert_uint_gt(recalled, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recall");
    TCase *tests = tcase_create("recall");
    tcase_set_timeout(tests, 240);
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, test_third_time);
    tcase_add_test(tests, test_other_way_up);
    tcase_add_test(tests, test_many_ways);
    tcase_add_test(tests, test_threads);
    tcase_add_test(tests, test_retired);
    tcase_add_test(tests, test_after_the_end);
    tcase_add_test(tests, test_no_credit);
    tcase_add_test(tests, test_signals);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
