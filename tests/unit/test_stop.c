// world/stop.h: threads stop where they are, whoever they are; a stop that fails is undone; who owes no answer is not waited for.
#include "world/stop.h"

#include "base/clock.h"
#include "base/crit.h"
#include "gc/workers.h"
#include "sys/context.h"
#include "sys/syscall.h"
#include "world/thread.h"

#include "unit.h"
#include "upcalls.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS = 8, ROUNDS = 300 };

static _Atomic uint64_t steps[THREADS];
static _Atomic int ready, go, finish;

static void wait_for(_Atomic int *what, int value)
{
    while (atomic_load(what) < value)
        rest();
}

// Nothing of check's in the threads, nor beside them while they are stopped: it takes locks that they may hold.
static pthread_t start(void *(*function)(void *), void *arg)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, function, arg) != 0)
        abort();
    return thread;
}

static void join(pthread_t thread)
{
    if (pthread_join(thread, NULL) != 0)
        abort();
}

static void finish_all(const pthread_t *threads, size_t count)
{
    atomic_store(&finish, 1);
    for (size_t i = 0; i < count; i++)
        join(threads[i]);
}

static void setup(void)
{
    stop_boot(SIGURG);
    atomic_store(&ready, 0);
    atomic_store(&go, 0);
    atomic_store(&finish, 0);
}

// The test's own thread plays the collector.
static void stop(void)
{
    const char *problem = world_stop();
    ck_assert_msg(!problem, "%s", problem);
}

static void registers(void)
{
    crit_enter();
    thread_register((uintptr_t)__builtin_frame_address(0) - 4096,
                    (uintptr_t)__builtin_frame_address(0) + 4096);
    crit_leave();
}

// Counts, and half of the threads are known to the registry, and half of the time is spent in critical sections.
static void *count_up(void *number)
{
    size_t n = (size_t)number;
    if (n % 2)
        registers();
    atomic_fetch_add(&ready, 1);
    while (!atomic_load(&finish)) {
        crit_enter();
        uint64_t at = atomic_fetch_add(&steps[n], 1);
        crit_leave();
        if (at % 64 == 0)
            rest();
    }
    if (n % 2)
        thread_unregister();
    return NULL;
}

static void start_counting(pthread_t threads[THREADS])
{
    thread_announce_own();
    for (size_t i = 0; i < THREADS; i++)
        threads[i] = start(count_up, (void *)i);
    wait_for(&ready, THREADS);
}

static size_t stopped_count;
static void count_stopped(struct thread *t)
{
    stopped_count++;
    ck_assert_uint_ne(t->sp, 0);
}

START_TEST(a_stopped_world_stands_still)
{
    pthread_t threads[THREADS];
    start_counting(threads);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t before[THREADS];
        stop();
        for (size_t i = 0; i < THREADS; i++)
            before[i] = atomic_load(&steps[i]);
        stopped_count = 0;
        world_each_stopped(count_stopped);
        ck_assert_uint_eq(stopped_count, THREADS);
        for (int i = 0; i < 3; i++)
            rest();
        for (size_t i = 0; i < THREADS; i++)
            ck_assert_uint_eq(before[i], atomic_load(&steps[i]));
        world_resume();
    }
    for (size_t i = 0; i < THREADS; i++) // everybody goes on
        for (uint64_t at = atomic_load(&steps[i]); atomic_load(&steps[i]) == at;)
            rest();
    finish_all(threads, THREADS);
    thread_forget_own();
}
END_TEST

static _Atomic int inside;
static void *stay_inside(void *unused)
{
    (void)unused;
    crit_enter();
    atomic_store(&inside, 1);
    atomic_fetch_add(&ready, 1);
    for (uint64_t end = clock_ns() + 20000000; clock_ns() < end;)
        ;
    atomic_store(&inside, 0);
    crit_leave();
    wait_for(&finish, 1);
    return NULL;
}

START_TEST(nobody_stops_inside_a_critical_section)
{
    thread_announce_own();
    pthread_t thread = start(stay_inside, NULL);
    wait_for(&ready, 1);
    stop();
    ck_assert_int_eq(atomic_load(&inside), 0);
    world_resume();
    finish_all(&thread, 1);
    thread_forget_own();
}
END_TEST

// A thread of the collector's that runs late: until it says whose it is, it looks like anybody's, and it blocks the signal.
static void *ours_but_late(void *unused)
{
    (void)unused;
    atomic_fetch_add(&ready, 1);
    wait_for(&go, 1);
    struct timespec moment = {.tv_nsec = 50000000};
    sys_call3(SYS_nanosleep, (long)&moment, 0, 0);
    workers_thread_begin();
    wait_for(&finish, 1);
    thread_forget_own();
    atomic_store(&ready, 0);
    return NULL;
}

START_TEST(a_thread_of_ours_that_says_so_late_is_not_waited_for)
{
    thread_announce_own();
    ck_assert_int_eq(workers_start_thread(ours_but_late, NULL), 0);
    wait_for(&ready, 1);
    atomic_store(&go, 1);
    stop();
    world_resume();
    atomic_store(&finish, 1);
    while (atomic_load(&ready))
        rest();
    thread_forget_own();
}
END_TEST

static void *(*late_body)(void *);

static void *run_late(void *arg)
{
    struct timespec longer_than_a_stop_waits = {.tv_sec = 2, .tv_nsec = 500000000};
    sys_call3(SYS_nanosleep, (long)&longer_than_a_stop_waits, 0, 0);
    return late_body(arg);
}

static int create_late(pthread_t *thread, const pthread_attr_t *attr, void *(*body)(void *), void *arg)
{
    late_body = body;
    return pthread_create(thread, attr, run_late, arg);
}

// A busy machine lets a new thread wait for longer than a stop does. Helpers are created before a cycle.
START_TEST(a_helper_that_comes_to_run_late_makes_no_stop_fail)
{
    thread_announce_own();
    workers_boot(1, 2);
    workers_create = create_late;
    workers_start_helpers();
    stop();
    world_resume();
    workers_leave();
    thread_forget_own();
}
END_TEST

static void *deaf(void *unused)
{
    sigset_t set;
    (void)unused;
    sigemptyset(&set);
    sigaddset(&set, SIGURG);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    atomic_fetch_add(&ready, 1);
    wait_for(&go, 1);
    pthread_sigmask(SIG_UNBLOCK, &set,
                    NULL); // the signal of the stop that was called off comes now: nothing happens (W3)
    atomic_fetch_add(&ready, 1);
    wait_for(&finish, 1);
    return NULL;
}

START_TEST(a_stop_that_fails_is_undone)
{
    thread_announce_own();
    pthread_t threads[2] = {start(deaf, NULL), start(count_up, (void *)1)};
    wait_for(&ready, 2);
    ck_assert_ptr_nonnull(world_stop());
    for (uint64_t at = atomic_load(&steps[1]); atomic_load(&steps[1]) == at;)
        rest();
    atomic_store(&go, 1);
    wait_for(&ready, 3);
    stop(); // now everybody hears
    world_resume();
    finish_all(threads, 2);
    thread_forget_own();
}
END_TEST

START_TEST(who_blocks_the_stop_signal_is_reached_by_the_second)
{
    thread_announce_own();
    pthread_t thread = start(deaf, NULL);
    stop_boot_second(); // the C library's handler is there since that thread was created
    wait_for(&ready, 1);
    for (int round = 0; round < 20; round++) {
        stop();
        stopped_count = 0;
        world_each_stopped(count_stopped);
        ck_assert_uint_eq(stopped_count, 1);
        world_resume();
    }
    ck_assert_int_eq(setuid(getuid()), 0); // by its own use of that signal it reaches everybody as ever
    atomic_store(&go, 1);
    finish_all(&thread, 1);
    thread_forget_own();
}
END_TEST

// Its first malloc: the stop asks it while nobody knows it, and it registers before it can answer.
static void *register_late(void *unused)
{
    struct timespec moment = {.tv_nsec = 50000000};
    (void)unused;
    crit_enter();
    atomic_fetch_add(&ready, 1);
    sys_call3(SYS_nanosleep, (long)&moment, 0, 0);
    thread_register((uintptr_t)__builtin_frame_address(0) - 4096,
                    (uintptr_t)__builtin_frame_address(0) + 4096);
    crit_leave();
    wait_for(&finish, 1);
    thread_unregister();
    return NULL;
}

static size_t with_cache;
static void count_caches(struct thread *t) { with_cache += t->cache && t->stack_hi > t->sp; }

START_TEST(who_registers_while_it_is_asked_stops_with_its_magazines)
{
    thread_announce_own();
    pthread_t thread = start(register_late, NULL);
    wait_for(&ready, 1);
    stop();
    world_each_stopped(count_caches);
    ck_assert_uint_eq(with_cache, 1);
    world_resume();
    finish_all(&thread, 1);
    thread_forget_own();
}
END_TEST

static void *live_and_die(void *unused)
{
    (void)unused;
    registers();
    thread_unregister();
    return NULL;
}

static void *breed(void *unused)
{
    (void)unused;
    atomic_fetch_add(&ready, 1);
    while (!atomic_load(&finish))
        join(start(live_and_die, NULL));
    return NULL;
}

START_TEST(threads_that_come_and_go_hold_nothing_up)
{
    thread_announce_own();
    pthread_t threads[2] = {start(breed, NULL), start(breed, NULL)};
    wait_for(&ready, 2);
    for (int round = 0; round < ROUNDS; round++) {
        stop();
        world_resume();
    }
    finish_all(threads, 2);
    thread_forget_own();
}
END_TEST

static size_t visits;
static void visit(struct thread *t)
{
    visits++;
    ck_assert_uint_ne(t->sp, 0);
}

START_TEST(a_handshake_meets_every_registered_thread_once)
{
    pthread_t threads[THREADS];
    start_counting(threads);
    for (int round = 0; round < ROUNDS; round++) {
        visits = 0;
        const char *problem = world_handshake(visit);
        ck_assert_msg(!problem, "%s", problem);
        ck_assert_uint_eq(visits, THREADS / 2);
    }
    finish_all(threads, THREADS);
    thread_forget_own();
}
END_TEST

static pid_t tids[THREADS];
static uint64_t before[THREADS], after[THREADS];
static size_t number_now, moved;

static void *count_up_with_number(void *number)
{
    tids[(size_t)number] = sys_gettid();
    return count_up(number);
}

static void look_twice(struct thread *t)
{
    uint64_t registers[CONTEXT_REGISTERS];
    struct timespec moment = {.tv_nsec = 200000};
    ck_assert_int_eq(t->tid, tids[number_now]);
    if (t->context)
        context_registers(t->context, registers);
    else
        context_spilled_registers(t->sp, registers);
    ck_assert_uint_ge(registers[7], t->sp); // its stack pointer
    ck_assert_uint_ne(registers[16], 0);
    for (size_t i = 0; i < THREADS; i++)
        before[i] = atomic_load(&steps[i]);
    sys_call3(SYS_nanosleep, (long)&moment, 0, 0);
    for (size_t i = 0; i < THREADS; i++)
        after[i] = atomic_load(&steps[i]);
    ck_assert_uint_eq(before[number_now], after[number_now]);
    for (size_t i = 0; i < THREADS; i++)
        moved += after[i] != before[i];
    visits++;
}

START_TEST(one_thread_is_visited_and_the_others_go_on)
{
    pthread_t threads[THREADS];
    thread_announce_own();
    for (size_t i = 0; i < THREADS; i++)
        threads[i] = start(count_up_with_number, (void *)i);
    wait_for(&ready, THREADS);
    visits = moved = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        number_now = round % THREADS;
        const char *problem = world_visit(tids[number_now], look_twice);
        ck_assert_msg(!problem, "%s", problem);
    }
    ck_assert_uint_eq(visits, ROUNDS);
    ck_assert_uint_gt(moved, 0);
    ck_assert_ptr_nonnull(world_visit(sys_gettid(), look_twice)); // ours
    finish_all(threads, THREADS);
    ck_assert_ptr_nonnull(world_visit(tids[0], look_twice)); // gone
    ck_assert_ptr_nonnull(world_visit(tids[1], look_twice));
    ck_assert_uint_eq(visits, ROUNDS);
    thread_forget_own();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stop");
    TCase *one = tcase_create("stop");
    tcase_add_checked_fixture(one, setup, NULL);
    tcase_set_timeout(one, 120);
    tcase_add_test(one, a_stopped_world_stands_still);
    tcase_add_test(one, nobody_stops_inside_a_critical_section);
    tcase_add_test(one, a_thread_of_ours_that_says_so_late_is_not_waited_for);
    tcase_add_test(one, a_helper_that_comes_to_run_late_makes_no_stop_fail);
    tcase_add_test(one, a_stop_that_fails_is_undone);
    tcase_add_test(one, who_blocks_the_stop_signal_is_reached_by_the_second);
    tcase_add_test(one, who_registers_while_it_is_asked_stops_with_its_magazines);
    tcase_add_test(one, threads_that_come_and_go_hold_nothing_up);
    tcase_add_test(one, a_handshake_meets_every_registered_thread_once);
    tcase_add_test(one, one_thread_is_visited_and_the_others_go_on);
    suite_add_tcase(suite, one);
    return run_suite(suite);
}
