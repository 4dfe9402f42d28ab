// leak/unjoined.h: who has ended is known until somebody joins it, whatever its pthread_t names meanwhile.
#include "leak/unjoined.h"

#include "unit.h"
#include "upcalls.h"

#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>

enum { SITE = 7, STACK = 65536, MANY = 5000, THREADS = 4, ROUNDS = 3000 };

static struct unjoined_ticket make(uintptr_t thread)
{
    struct unjoined_ticket ticket = unjoined_announce(SITE);
    ck_assert_ptr_nonnull(ticket.record);
    unjoined_begins(ticket, thread);
    return ticket;
}

static size_t count_ended(void)
{
    struct unjoined_list list = unjoined_ended();
    size_t count = list.count;
    unjoined_free(&list);
    return count;
}

START_TEST(ended_and_not_joined)
{
    prctl(PR_SET_NAME, "worker");
    make(0x1000);
    ck_assert_uint_eq(count_ended(), 0);
    unjoined_ends(0x1000, STACK);
    struct unjoined_list list = unjoined_ended();
    ck_assert_uint_eq(list.count, 1);
    ck_assert_uint_eq(list.at->site, SITE);
    ck_assert_int_eq(list.at->tid, gettid());
    ck_assert_uint_eq(list.at->stack_bytes, STACK);
    ck_assert_str_eq(list.at->name, "worker");
    ck_assert_uint_ge(list.at->ended_ns, list.at->started_ns);
    unjoined_free(&list);
    unjoined_forget(unjoined_find(0x1000));
    ck_assert_uint_eq(count_ended(), 0);
    ck_assert_ptr_null(unjoined_find(0x1000).record);
}
END_TEST

START_TEST(could_not_be_created)
{
    struct unjoined_ticket ticket = unjoined_announce(SITE);
    unjoined_forget(ticket);
    unjoined_begins(ticket, 0x1000); // of a number that is gone: nothing
    ck_assert_ptr_null(unjoined_find(0x1000).record);
    ck_assert_ptr_eq(unjoined_announce(SITE).record, ticket.record); // used again
}
END_TEST

// U2: who joined the first must not forget the second.
START_TEST(a_pthread_t_used_again)
{
    make(0x1000);
    unjoined_ends(0x1000, STACK);
    struct unjoined_ticket first = unjoined_find(0x1000);
    unjoined_forget(first);
    make(0x1000);
    unjoined_ends(0x1000, STACK);
    unjoined_forget(first);
    ck_assert_uint_eq(count_ended(), 1);
}
END_TEST

// Each that has ended is fresh once; and stands until it is joined.
START_TEST(told_of_once)
{
    struct unjoined_ticket tickets[MANY];
    struct unjoined copy;
    size_t told = 0;
    unsigned at = 0;
    for (uintptr_t i = 0; i < MANY / 5; i++) {
        make(0x1000 + i * 64);
        if (i % 2)
            unjoined_ends(0x1000 + i * 64, STACK);
    }
    while ((tickets[told] = unjoined_fresh(&at, &copy)).record) {
        ck_assert((copy.thread - 0x1000) / 64 % 2 == 1 || copy.thread == 0x1000);
        ck_assert(unjoined_stands(tickets[told++]));
        if (told == 7) // ends while they are looked through
            unjoined_ends(0x1000, STACK);
    }
    ck_assert_uint_ge(told, MANY / 10);
    at = 0;
    while (unjoined_fresh(&at, &copy).record)
        told++;
    ck_assert_uint_eq(told, MANY / 10 + 1);
    unjoined_forget(tickets[3]);
    ck_assert(!unjoined_stands(tickets[3]) && unjoined_stands(tickets[4]));
}
END_TEST

START_TEST(by_site_and_time)
{
    for (uintptr_t i = 0; i < MANY; i++) {
        unjoined_begins(unjoined_announce(1 + i % 3), 0x1000 + i * 64);
        unjoined_ends(0x1000 + i * 64, STACK);
    }
    struct unjoined_list list = unjoined_ended();
    ck_assert_uint_eq(list.count, MANY);
    for (size_t i = 1; i < MANY; i++) {
        const struct unjoined *before = &list.at[i - 1], *u = &list.at[i];
        ck_assert(before->site < u->site || (before->site == u->site && before->started_ns <= u->started_ns));
    }
    unjoined_free(&list);
    for (uintptr_t i = 0; i < MANY; i += 2)
        unjoined_forget(unjoined_find(0x1000 + i * 64));
    ck_assert_uint_eq(count_ended(), MANY / 2);
    unjoined_fork_child();
    ck_assert_uint_eq(count_ended(), 0);
    ck_assert_ptr_null(unjoined_find(0x1000 + 64).record);
}
END_TEST

static void *churn(void *number)
{
    uintptr_t thread = ((uintptr_t)number + 1) << 20;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct unjoined_ticket ticket = make(thread);
        unjoined_ends(thread, STACK);
        ck_assert_ptr_eq(unjoined_find(thread).record, ticket.record);
        if (i % 100)
            unjoined_forget(ticket);
        else
            thread += 64;
    }
    return NULL;
}

START_TEST(many_at_once)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, (void *)i), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(count_ended(), THREADS * ROUNDS / 100);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("unjoined");
    TCase *tcase = tcase_create("unjoined");
    tcase_add_test(tcase, ended_and_not_joined);
    tcase_add_test(tcase, could_not_be_created);
    tcase_add_test(tcase, a_pthread_t_used_again);
    tcase_add_test(tcase, told_of_once);
    tcase_add_test(tcase, by_site_and_time);
    tcase_add_test(tcase, many_at_once);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
