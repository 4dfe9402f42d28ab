// world/pins.h: a pointer that only the kernel holds stays pinned whatever two calls at once do with its owner (N2).
#include "world/pins.h"

#include "heap/cage.h"

#include "unit.h"
#include "upcalls.h"

#include <string.h>
#include <sys/epoll.h>

enum { EPOLL = 3, TARGET = 5 };

static uint64_t owner;

static void setup(void)
{
    ck_assert(cage_boot());
    owner = pin_epoll_owner(EPOLL, TARGET);
}

static uintptr_t value(unsigned n) { return cage.base + 16UL * (n + 1); }

static uintptr_t wanted;
static unsigned found;
static void visit(uintptr_t at) { found += at == wanted; }

static unsigned pins_of(uintptr_t v)
{
    found = 0;
    wanted = v;
    pins_each(visit);
    return found;
}

// A call of epoll_ctl as preload/pins.c makes it, in two halves.
struct call {
    uintptr_t value;
    uint64_t begun;
};

static struct call begin(uintptr_t v)
{
    struct call call = {v, pins_now()};
    if (v)
        ck_assert(pins_add(PIN_EPOLL, owner, v));
    return call;
}

static void succeed(struct call call) { pins_settle(PIN_EPOLL, owner, call.value, call.begun); }

START_TEST(the_later_value_takes_the_earlier_ones_place)
{
    succeed(begin(value(0)));
    ck_assert_uint_eq(pins_of(value(0)), 1);
    succeed(begin(value(1)));
    ck_assert_uint_eq(pins_of(value(0)), 0);
    ck_assert_uint_eq(pins_of(value(1)), 1);
    succeed(begin(value(1)));
    ck_assert_uint_eq(pins_of(value(1)), 1);
    succeed(begin(0));
    ck_assert_uint_eq(pins_of(value(1)), 0);
}
END_TEST

START_TEST(a_failed_call_leaves_what_there_was)
{
    succeed(begin(value(0)));
    for (unsigned n = 0; n < 2; n++) {
        begin(value(n));
        pins_undo(PIN_EPOLL, owner, value(n));
    }
    ck_assert_uint_eq(pins_of(value(0)), 1);
    ck_assert_uint_eq(pins_of(value(1)), 0);
    succeed(begin(0));
    ck_assert_uint_eq(pins_of(value(0)), 0);
}
END_TEST

// Whichever the kernel took last: both may be what it holds.
START_TEST(of_two_calls_at_once_both_values_stay)
{
    struct call calls[] = {begin(value(0)), begin(value(1))};
    succeed(calls[_i & 1]);
    succeed(calls[!(_i & 1)]);
    ck_assert_uint_eq(pins_of(value(0)), 1);
    ck_assert_uint_eq(pins_of(value(1)), 1);
    succeed(begin(value(2)));
    ck_assert_uint_eq(pins_of(value(0)) + pins_of(value(1)), 0);
    ck_assert_uint_eq(pins_of(value(2)), 1);
}
END_TEST

// A thread deletes, and before it has said so another has registered anew.
START_TEST(a_deletion_does_not_take_what_came_after_it)
{
    succeed(begin(value(0)));
    struct call deletion = begin(0);
    succeed(begin(value(1)));
    succeed(deletion);
    ck_assert_uint_eq(pins_of(value(1)), 1);
}
END_TEST

START_TEST(a_registration_under_way_is_not_dropped)
{
    struct call adding = begin(value(0));
    succeed(begin(0));
    ck_assert_uint_eq(pins_of(value(0)), 1);
    succeed(adding);
    ck_assert_uint_eq(pins_of(value(0)), 1);
}
END_TEST

START_TEST(drop_takes_all_of_one_owner)
{
    ck_assert(pins_add(PIN_AIO, value(0), value(0)));
    ck_assert(pins_add(PIN_AIO, value(0), value(1)));
    ck_assert(pins_add(PIN_AIO, value(1), value(2)));
    pins_drop(PIN_AIO, value(0));
    ck_assert_uint_eq(pins_of(value(0)) + pins_of(value(1)), 0);
    ck_assert_uint_eq(pins_of(value(2)), 1);
}
END_TEST

// What the kernel does not list goes at the second look, what it lists stays: under whatever number the epoll is known.
START_TEST(two_reviews_decide)
{
    int epoll = epoll_create1(0), pipes[2];
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = value(0)};
    ck_assert_int_eq(pipe(pipes), 0);
    ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, pipes[0], &event), 0);
    owner = pin_epoll_owner(epoll, pipes[0]);
    succeed(begin(value(0)));
    owner = pin_epoll_owner(epoll, pipes[1]);
    succeed(begin(value(1)));
    pins_review();
    ck_assert_uint_eq(pins_of(value(1)), 1);
    int other = dup(epoll);
    close(epoll);
    for (int i = 0; i < 3; i++)
        pins_review();
    ck_assert_uint_eq(pins_of(value(0)), 1);
    ck_assert_uint_eq(pins_of(value(1)), 0);
    close(other);
    for (int i = 0; i < 2; i++)
        pins_review();
    ck_assert_uint_eq(pins_of(value(0)), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pins");
    TCase *tcase = tcase_create("pins");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, the_later_value_takes_the_earlier_ones_place);
    tcase_add_test(tcase, a_failed_call_leaves_what_there_was);
    tcase_add_loop_test(tcase, of_two_calls_at_once_both_values_stay, 0, 2);
    tcase_add_test(tcase, a_deletion_does_not_take_what_came_after_it);
    tcase_add_test(tcase, a_registration_under_way_is_not_dropped);
    tcase_add_test(tcase, drop_takes_all_of_one_owner);
    tcase_add_test(tcase, two_reviews_decide);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
