// leak/growth.h: what is suspected of growing, and what is not. The blocks are no more than the cycles that they were born in.
#include "leak/growth.h"

#include "unit.h"

#include <string.h>

enum { MOST = 600000, BYTES = 100, LONG = 3000, SEEDS = 20, FULL = 2000 };
#define TICK_NS 100000000u // from one cycle to the next

static struct growth site;
static uint32_t born[MOST], cycle;
static size_t count, first; // blocks are [first, count)
static uint64_t old_bytes;  // of one that is older than they all
static int walk_every = 1;  // cycles
static enum growth_news last_news;

static void begin(void)
{
    memset(&site, 0, sizeof site);
    cycle = 1;
    count = first = old_bytes = 0;
    walk_every = 1;
}

static uint32_t roll(uint32_t sides) { return (uint32_t)(next_random() % sides); }

static void add(size_t blocks)
{
    while (blocks-- > 0)
        born[count++] = cycle;
}

static void drop_oldest(size_t most)
{
    if (count - first > most)
        first = count - most;
}

static bool walk(void)
{
    growth_walk_begins(&site, cycle);
    growth_meet(&site, cycle, 0, old_bytes);
    for (size_t i = first; i < count; i++)
        growth_meet(&site, cycle, born[i], BYTES);
    last_news = growth_look(&site, cycle, cycle * (uint64_t)TICK_NS);
    return site.suspect;
}

// How many of so many cycles ended with a suspicion.
static unsigned suspicions(unsigned cycles, void (*work)(void))
{
    unsigned found = 0;
    for (unsigned i = 0; i < cycles; i++) {
        work();
        cycle++;
        if (cycle % (unsigned)walk_every == 0)
            found += walk();
    }
    return found;
}

// --- what grows -------------------------------------------------------------------------------------------------

static void add_some(void) { add(3); }

START_TEST(a_list_that_gets_entries_is_suspected_for_ever)
{
    walk_every = _i;
    suspicions(60 * (unsigned)_i, add_some);
    ck_assert(site.suspect);
    ck_assert_uint_eq(suspicions(LONG, add_some), LONG / (unsigned)_i);
    ck_assert_uint_ge(growth_confidence(&site), 80);
    ck_assert_uint_eq(growth_bytes(&site), (site.record_cycle - site.since_cycle) * 3 * BYTES);
    uint64_t an_hour = growth_bytes_per_hour(&site, site.record_ns);
    ck_assert_uint_ge(an_hour, 3 * BYTES * 36000 - 10 * BYTES);
    ck_assert_uint_le(an_hour, 3 * BYTES * 36000 + 10 * BYTES);
}
END_TEST

static void add_rarely(void) { add(roll(10) == 0 ? 1 + roll(30) : 0); }

START_TEST(one_that_gets_them_now_and_then_too)
{
    random_state += (uint64_t)_i * 1000;
    suspicions(LONG, add_rarely);
    ck_assert(site.suspect);
}
END_TEST

// What a request needs for itself is allocated at the same site, and gone at its end.
static size_t own;

static void add_and_work(void)
{
    count -= own;
    add(3);
    own = roll(1000);
    add(own);
}

START_TEST(what_comes_and_goes_hides_no_growth)
{
    random_state += (uint64_t)_i * 1000;
    own = 0;
    suspicions(100, add_and_work);
    ck_assert(site.suspect);
}
END_TEST

// A queue whose reader is a little too slow: all that was written first is gone.
static void queue(void)
{
    add(10);
    first += 8;
}

START_TEST(a_queue_that_is_not_read_fast_enough_grows)
{
    suspicions(LONG, queue);
    ck_assert(site.suspect);
}
END_TEST

static void nothing(void) {}

START_TEST(growth_after_long_rest_is_seen_as_soon)
{
    add(FULL);
    suspicions(LONG, nothing);
    suspicions(60, add_some);
    ck_assert(site.suspect);
    ck_assert_uint_ge(site.since_cycle, LONG - 50);
}
END_TEST

// --- what does not ----------------------------------------------------------------------------------------------

// Cycles come when the heap has grown by more than half.
static void fill(void) { add(10 + count * 5 / 8); }

START_TEST(what_is_filled_at_the_start_is_not)
{
    ck_assert_uint_eq(suspicions(20, fill), 0);
    ck_assert_uint_eq(suspicions(LONG / 10, nothing), 0);
}
END_TEST

static void put_in_cache(void)
{
    add(20 + roll(10));
    drop_oldest(FULL);
}

START_TEST(a_cache_is_not_when_it_is_full)
{
    random_state += (uint64_t)_i * 1000;
    suspicions(FULL / 20 + 60, put_in_cache);
    ck_assert_uint_eq(suspicions(LONG, put_in_cache), 0);
}
END_TEST

// Work of a moment, and one block that becomes larger and larger.
static void enlarge(void)
{
    put_in_cache();
    drop_oldest(0);
    old_bytes += 1000;
}

START_TEST(one_block_is_no_list)
{
    ck_assert_uint_eq(suspicions(LONG, enlarge), 0);
}
END_TEST

// Any entry makes room.
static void put_in_table(void)
{
    for (int i = 0; i < 20; i++) {
        if (count < FULL)
            add(1);
        else
            born[roll(FULL)] = cycle;
    }
}

START_TEST(nor_one_that_forgets_at_random)
{
    random_state += (uint64_t)_i * 1000;
    suspicions(FULL / 20 + 60, put_in_table);
    ck_assert_uint_eq(suspicions(LONG, put_in_table), 0);
}
END_TEST

// Each of so many names is kept when it is seen first.
static void intern(void)
{
    static bool known[FULL];
    for (int i = 0; i < 20; i++) {
        uint32_t name = roll(FULL);
        add(!known[name]);
        known[name] = true;
    }
}

START_TEST(what_comes_to_an_end_by_and_by_is_not)
{
    random_state += (uint64_t)_i * 1000;
    suspicions(8 * FULL / 20, intern); // e^-8 of them are left
    ck_assert_uint_eq(suspicions(LONG, intern), 0);
}
END_TEST

static unsigned tooth_cycles;

static void saw(void)
{
    add(5);
    if (cycle % tooth_cycles == 0)
        first = count;
}

START_TEST(what_is_emptied_again_and_again_is_suspected_in_its_first_round_at_most)
{
    static const unsigned lengths[] = {3, 10, 15, 40, 100, 500};
    tooth_cycles = lengths[_i];
    suspicions(tooth_cycles + 5, saw);
    ck_assert_uint_eq(suspicions(8 * LONG, saw), 0);
    count = first = 0;
    suspicions(3 * tooth_cycles + 60, add_some); // and yet a leak that begins then is
    ck_assert(site.suspect);
}
END_TEST

// Noise around a level.
static void waver(void)
{
    if (cycle < 60)
        return;
    count = first = 0;
    while (count < 900 + roll(200))
        born[count++] = cycle - GROWTH_YOUNG - roll(50);
}

START_TEST(what_wavers_is_not)
{
    random_state += (uint64_t)_i * 1000;
    ck_assert_uint_eq(suspicions(LONG, waver), 0);
}
END_TEST

// --- news -------------------------------------------------------------------------------------------------------

START_TEST(news_come_when_it_begins_doubles_and_ends)
{
    unsigned began = 0, doubled = 0;
    for (int i = 0; i < LONG; i++) {
        suspicions(1, add_some);
        began += last_news == GROWTH_BEGAN;
        doubled += last_news == GROWTH_DOUBLED;
    }
    ck_assert_uint_eq(began, 1);
    ck_assert_uint_ge(doubled, 5);
    ck_assert_uint_le(doubled, 10);
    first = count;
    suspicions(1, add_some);
    ck_assert_int_eq(last_news, GROWTH_ENDED);
    ck_assert(!site.suspect);
}
END_TEST

START_TEST(a_rise_that_stops_is_over_soon)
{
    suspicions(100, add_some);
    ck_assert(site.suspect);
    ck_assert_uint_le(suspicions(100, nothing), 20);
    ck_assert(!site.suspect);
}
END_TEST

// Its parent's blocks are born in cycles that are still to come.
START_TEST(a_forked_child_begins_anew)
{
    suspicions(100, add_some);
    cycle = 1;
    ck_assert(!walk());
    ck_assert_uint_eq(site.since_cycle, 1);
    ck_assert_uint_eq(suspicions(100, nothing), 0);
}
END_TEST

START_TEST(a_rate_never_overflows)
{
    ck_assert_uint_eq(growth_rate(1000, 3599999999999), 1000);
    ck_assert_uint_eq(growth_rate(0, 0), 0);
    ck_assert_uint_eq(growth_rate(1UL << 40, 0), UINT64_MAX);
    ck_assert_uint_eq(growth_rate(UINT64_MAX, UINT64_MAX), 3600000000000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("growth");
    TCase *tcase = tcase_create("growth");
    tcase_add_checked_fixture(tcase, begin, NULL);
    tcase_add_loop_test(tcase, a_list_that_gets_entries_is_suspected_for_ever, 1, 8);
    tcase_add_loop_test(tcase, one_that_gets_them_now_and_then_too, 0, SEEDS);
    tcase_add_loop_test(tcase, what_comes_and_goes_hides_no_growth, 0, SEEDS);
    tcase_add_test(tcase, a_queue_that_is_not_read_fast_enough_grows);
    tcase_add_test(tcase, growth_after_long_rest_is_seen_as_soon);
    tcase_add_test(tcase, what_is_filled_at_the_start_is_not);
    tcase_add_loop_test(tcase, a_cache_is_not_when_it_is_full, 0, SEEDS);
    tcase_add_test(tcase, one_block_is_no_list);
    tcase_add_loop_test(tcase, nor_one_that_forgets_at_random, 0, SEEDS);
    tcase_add_loop_test(tcase, what_comes_to_an_end_by_and_by_is_not, 0, SEEDS);
    tcase_add_loop_test(tcase, what_is_emptied_again_and_again_is_suspected_in_its_first_round_at_most, 0, 6);
    tcase_add_loop_test(tcase, what_wavers_is_not, 0, SEEDS);
    tcase_add_test(tcase, news_come_when_it_begins_doubles_and_ends);
    tcase_add_test(tcase, a_rise_that_stops_is_over_soon);
    tcase_add_test(tcase, a_forked_child_begins_anew);
    tcase_add_test(tcase, a_rate_never_overflows);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
