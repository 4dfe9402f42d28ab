// base/lock.h: mutual exclusion, waking, and the order check of the debug build.
#include "base/lock.h"

#include "base/log.h"

#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 100000, DEADLINE_S = 120 };

static struct lock outer = LOCK_INIT(LOCK_RANK_STOP);
static struct lock inner = LOCK_INIT(LOCK_RANK_BIN);
static struct lock beside = LOCK_INIT(LOCK_RANK_BIN);
static struct lock innermost = LOCK_INIT(LOCK_RANK_META);

// --- exclusion --------------------------------------------------------------------------------------------------

static long counter; // guarded by `inner`

static void *count(void *by_trying)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (!by_trying)
            lock_acquire(&inner);
        else
            while (!lock_try(&inner))
                rest();
        long seen = counter;
        if (i % 1000 == 0)
            sched_yield(); // lose the processor with the lock held, so that others wait
        counter = seen + 1;
        lock_release(&inner);
    }
    return NULL;
}

START_TEST(test_counter)
{
    pthread_t threads[THREADS];
    counter = 0;
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count, _i && i % 2 ? &counter : NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(counter, (long)THREADS * ROUNDS);
    ck_assert_uint_eq(inner.word, 0);
}
END_TEST

START_TEST(test_try)
{
    ck_assert(lock_try(&inner));
    ck_assert(!lock_try(&inner));
    lock_release(&inner);
    ck_assert(lock_try(&inner));
    lock_release(&inner);
}
END_TEST

static void *acquire_and_release(void *lock)
{
    lock_acquire(lock);
    lock_release(lock);
    return NULL;
}

START_TEST(test_waiter_is_woken)
{
    pthread_t thread;
    lock_acquire(&inner);
    ck_assert_int_eq(pthread_create(&thread, NULL, acquire_and_release, &inner), 0);
    while (atomic_load(&inner.word) != 2) // until it waits
        rest();
    lock_release(&inner);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(inner.word, 0);
}
END_TEST

START_TEST(test_reset_frees)
{
    lock_acquire(&inner);
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        lock_reset(&inner);
        bool started = pthread_create(&thread, NULL, acquire_and_release, &inner) == 0;
        _exit(started && pthread_join(thread, NULL) == 0 ? 42 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 42);
    lock_release(&inner);
}
END_TEST

// --- order ------------------------------------------------------------------------------------------------------

static void say_nothing(const char *line, size_t bytes) { (void)line, (void)bytes; }

// True if work aborts, false if it comes to its end; any other end of the child fails the test.
static bool aborts(void (*work)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        log_writer = say_nothing;
        work();
        _exit(42);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    bool aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    ck_assert_msg(aborted || (WIFEXITED(status) && WEXITSTATUS(status) == 42), "status %x", status);
    return aborted;
}

static void ascending(void)
{
    lock_acquire(&outer);
    lock_acquire(&inner);
    lock_acquire(&innermost);
}

static void descending(void)
{
    lock_acquire(&inner);
    lock_acquire(&outer);
}

static void descending_by_trying(void)
{
    lock_acquire(&inner);
    lock_try(&outer);
}

static void two_of_a_rank(void)
{
    lock_acquire(&inner);
    lock_acquire(&beside);
    lock_acquire(&innermost);
}

static void descending_from_two_of_a_rank(void)
{
    lock_acquire(&inner);
    lock_acquire(&beside);
    lock_acquire(&outer);
}

static void between_two_held(void)
{
    lock_acquire(&outer);
    lock_acquire(&innermost);
    lock_acquire(&inner);
}

static void one_after_the_other(void)
{
    lock_acquire(&innermost);
    lock_release(&innermost);
    lock_acquire(&inner);
    lock_release(&inner);
    lock_acquire(&beside);
    lock_acquire(&innermost);
    lock_release(&beside); // not in the order of taking
    lock_release(&innermost);
    lock_acquire(&outer);
}

static void released_outer_only(void)
{
    lock_acquire(&outer);
    lock_acquire(&inner);
    lock_release(&outer);
    lock_acquire(&outer);
}

static void *hold_innermost(void *unused)
{
    lock_acquire(&innermost);
    return unused;
}

static void held_by_another_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, hold_innermost, NULL);
    pthread_join(thread, NULL);
    lock_acquire(&outer);
}

static void failed_try_holds_nothing(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, hold_innermost, NULL);
    pthread_join(thread, NULL);
    if (lock_try(&innermost))
        _exit(1);
    lock_acquire(&outer);
}

// Takes `inner` by waiting for it, while it holds `innermost`.
static void *wait_in_wrong_order(void *unused)
{
    lock_acquire(&innermost);
    lock_acquire(&inner);
    return unused;
}

static void descending_after_a_wait(void)
{
    pthread_t thread;
    lock_acquire(&inner);
    pthread_create(&thread, NULL, wait_in_wrong_order, NULL);
    while (atomic_load(&inner.word) != 2)
        rest();
    lock_release(&inner);
    pthread_join(thread, NULL);
}

static const struct {
    const char *name;
    void (*work)(void);
    bool aborts;
} orders[] = {
    {"ascending", ascending, false},
    {"descending", descending, true},
    {"descending by trying", descending_by_trying, true},
    {"two of a rank", two_of_a_rank, false},
    {"descending from two of a rank", descending_from_two_of_a_rank, true},
    {"between two that are held", between_two_held, true},
    {"one after the other", one_after_the_other, false},
    {"outer released, inner still held", released_outer_only, true},
    {"held by another thread", held_by_another_thread, false},
    {"a failed try holds nothing", failed_try_holds_nothing, false},
    {"descending after a wait", descending_after_a_wait, true},
};

START_TEST(test_order)
{
    ck_assert_msg(aborts(orders[_i].work) == orders[_i].aborts, "%s: should %sabort", orders[_i].name,
                  orders[_i].aborts ? "" : "not ");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lock");
    TCase *exclusion = tcase_create("exclusion"), *order = tcase_create("order");
    tcase_set_timeout(exclusion, DEADLINE_S);
    tcase_set_timeout(order, DEADLINE_S);
    tcase_add_loop_test(exclusion, test_counter, 0, 2);
    tcase_add_test(exclusion, test_try);
    tcase_add_test(exclusion, test_waiter_is_woken);
    tcase_add_test(exclusion, test_reset_frees);
    tcase_add_loop_test(order, test_order, 0, sizeof orders / sizeof orders[0]);
    suite_add_tcase(suite, exclusion);
    suite_add_tcase(suite, order);
    return run_suite(suite);
}
