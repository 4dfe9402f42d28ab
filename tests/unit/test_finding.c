// leak/finding.h: which condemned blocks are told of, as what, and how often. The cycles are made by hand.
#include "leak/finding.h"

#include "base/log.h"
#include "heap/heap.h"
#include "heap/probation.h"
#include "leak/suppress.h"

#include "unit.h"

#include <pthread.h>
#include <string.h>

enum { BYTES = 100, LARGE = 300000, PLACES = 4 };

static void come_to_heap(void) { cache_self.state = CACHE_LIVE; }
static void nobody(void) {}
static void nobody_for(void *p) { (void)p; }
static bool nothing_found(void) { return false; }

struct heap_upcalls heap_upcalls = {.first_use = come_to_heap,
                                    .free_foreign = nobody_for,
                                    .slow_alloc = nobody_for,
                                    .hidden_pointers = nobody,
                                    .out_of_memory = nothing_found};

static uint32_t site[PLACES]; // of three stacks from elsewhere, and of one of this program

struct node {
    struct node *next, *other;
};

static void begin(void)
{
    ck_assert(heap_boot() && sites_boot());
    for (uintptr_t i = 0; i < PLACES; i++) {
        uintptr_t frames[2] = {i < PLACES - 1 ? 100 + i : (uintptr_t)begin, 7};
        site[i] = site_of(frames, 2);
        ck_assert_uint_gt(site[i], SITE_UNKNOWN);
    }
}

static struct node *new_node(unsigned place, size_t bytes, uint16_t flags)
{
    struct note_facts facts = {.site = site[place], .flags = flags};
    struct node *p = heap_alloc_noted(bytes, SLOT_GRAIN, true, false, facts);
    ck_assert_ptr_nonnull(p);
    return p;
}

static struct node *node(unsigned place) { return new_node(place, BYTES, 0); }

static void mark(const void *p)
{
    struct heap_block b = heap_find((uintptr_t)p);
    size_t unit = cage_unit(b.base);
    if (b.kind == HEAP_LARGE) {
        large_row(b.id)->mark = 1;
        return;
    }
    unsigned slot = slot_of(&class_table[b.bin], (b.base - cage.base) & (UNIT_BYTES - 1));
    atomic_fetch_or(&cage.words[unit * WORDS_PER_SPAN + slot / 64].mark, 1UL << slot % 64);
}

static void mark_all(void *const *slots, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mark(slots[i]);
}

static void sweep(void)
{
    cache_visit(&cache_self, mark_all);
    heap_sweep_begin(true, 1);
    heap_sweep_all();
}

// A cycle in which nothing but what is marked lives.
static struct site *cycle(enum lost_phase phase)
{
    static uint64_t now_ns;
    sweep();
    now_ns++;
    return findings_look(phase, now_ns, now_ns - 1);
}

static void check(unsigned place, uint64_t direct, uint64_t indirect)
{
    const struct site *s = site_get(site[place]);
    ck_assert_uint_eq(s->fresh[LOST_DIRECT].blocks, direct);
    ck_assert_uint_eq(s->fresh[LOST_INDIRECT].blocks, indirect);
}

static uint64_t lost_of(unsigned place)
{
    const struct site *s = site_get(site[place]);
    uint64_t sum = 0;
    for (int class = 0; class < LOST_CLASSES; class ++)
        for (int phase = 0; phase < PHASES; phase++)
            sum += s->lost[class][phase].blocks;
    return sum;
}

// F1: whether it stays condemned, or is marked again and lost once more.
START_TEST(a_block_is_told_of_once)
{
    struct node *p = new_node(0, _i ? LARGE : BYTES, 0);
    mark(p);
    ck_assert_ptr_null(cycle(PHASE_RUN));
    ck_assert_ptr_eq(cycle(PHASE_RUN), site_get(site[0]));
    check(0, 1, 0);
    ck_assert_uint_eq(site_get(site[0])->fresh[LOST_DIRECT].bytes, _i ? LARGE : BYTES);
    ck_assert_uint_eq(site_get(site[0])->example[LOST_DIRECT][0].address, (uintptr_t)p);
    mark(p);
    ck_assert_ptr_null(cycle(PHASE_RUN));
    ck_assert_ptr_null(cycle(PHASE_EXIT));
    ck_assert_uint_eq(lost_of(0), 1);
}
END_TEST

// F2.
START_TEST(what_leads_on_is_direct_and_the_rest_indirect)
{
    struct node *a = node(0), *b = node(1), *c = node(2), *large = new_node(1, LARGE, 0);
    a->next = b;
    b->next = (struct node *)((char *)c + BYTES - 1); // into it
    b->other = b;
    ((struct node **)large)[LARGE / sizeof(struct node *) - 1] = c;
    cycle(PHASE_RUN);
    check(0, 1, 0);
    check(1, 1, 1);
    check(2, 0, 1);
}
END_TEST

// F2: of a ring the one that was allocated first; and of rings that lead to one another, of the ring that no other leads to.
START_TEST(of_a_ring_the_oldest_is_direct)
{
    struct node *last[2] = {node(0), node(0)}, *first[2] = {node(1), node(1)};
    for (int i = 0; i < 2; i++) {
        last[i]->next = last[!i];
        first[i]->next = first[!i];
    }
    first[1]->other = last[1];
    cycle(PHASE_RUN);
    check(0, 0, 2);
    check(1, 1, 1);
    ck_assert_uint_eq(site_get(site[1])->example[LOST_DIRECT][0].address, (uintptr_t)first[0]);
    ck_assert_uint_eq(site_get(site[1])->example[LOST_INDIRECT][0].address, (uintptr_t)first[1]);
    ck_assert_uint_eq(site_get(site[1])->example[LOST_DIRECT][1].address, 0);
}
END_TEST

// Many rings that all lead to one of many blocks: each block is looked through a bounded number of times.
START_TEST(rings_that_share_much_take_no_square_of_time)
{
    enum { MANY = 30000 };
    struct node *shared = node(2), *at = shared;
    for (int i = 1; i < MANY; i++, at = at->next)
        at->next = node(2);
    at->next = shared;
    for (int i = 0; i < MANY; i++) {
        struct node *a = node(0), *b = node(1);
        a->next = b;
        b->next = a;
        a->other = shared;
    }
    cycle(PHASE_RUN);
    check(0, MANY, 0);
    check(1, 0, MANY);
    check(2, 0, MANY);
}
END_TEST

// F2.
START_TEST(ignored_blocks_and_what_they_lead_to_are_not_told_of)
{
    struct node *a = new_node(0, BYTES, NOTE_IGNORED), *b = node(1), *c = node(2);
    a->next = b;
    c->next = b;
    cycle(PHASE_RUN);
    check(0, 0, 0);
    check(1, 0, 0);
    check(2, 1, 0);
}
END_TEST

// F2; what is suppressed late counts nowhere.
START_TEST(suppressed_blocks_are_counted_by_themselves)
{
    static const char text[] = "leak:test_finding\n";
    ck_assert_int_eq(suppress_add_text("text", text, sizeof text - 1), 0);
    for (enum lost_phase phase = PHASE_RUN; phase < PHASES; phase++) {
        node(PLACES - 1)->next = node(0);
        node(1);
        cycle(phase);
        check(0, 0, 0);
        check(1, 1, 0);
        check(PLACES - 1, 0, 0);
        ck_assert_uint_eq(site_get(site[PLACES - 1])->fresh_suppressed[LOST_DIRECT].blocks, 1);
        ck_assert_uint_eq(site_get(site[0])->fresh_suppressed[LOST_INDIRECT].blocks, 1);
    }
    ck_assert_uint_eq(site_get(site[PLACES - 1])->suppressed.blocks, 2);
    ck_assert_uint_eq(suppress_first()->blocks, 3);
    ck_assert_uint_eq(lost_of(1), 3);
}
END_TEST

// F3.
START_TEST(blocks_without_a_note_lead_to_indirect_ones)
{
    struct node *a = heap_alloc_slow(BYTES, true, false), *b = node(0);
    a->next = b;
    cycle(PHASE_RUN);
    check(0, 0, 1);
}
END_TEST

enum { HIDDEN = 20000 };
static struct node *hidden[HIDDEN];
static _Atomic bool go;

static void say_nothing(const char *line, size_t bytes) { (void)line, (void)bytes; }

static void *free_hidden(void *unused)
{
    while (!go)
        rest();
    for (int i = 0; i < HIDDEN; i++)
        heap_free_slow(hidden[i]);
    for (int i = 0; i < HIDDEN; i++)
        new_node(1, BYTES, 0);
    return unused;
}

// F4: by another thread, which allocates again in their places.
START_TEST(what_is_freed_meanwhile_was_not_lost)
{
    pthread_t thread;
    log_writer = say_nothing;
    cache_one_thread = false;
    for (int i = 0; i < HIDDEN; i++)
        hidden[i] = node(0);
    sweep();
    ck_assert_int_eq(pthread_create(&thread, NULL, free_hidden, NULL), 0);
    go = true;
    findings_look(PHASE_RUN, 1, 0);
    pthread_join(thread, NULL);
    ck_assert_uint_le(lost_of(0), HIDDEN);
    ck_assert_uint_eq(lost_of(1), 0);
}
END_TEST

START_TEST(the_living_are_counted_and_the_lost_not)
{
    struct node *a = node(0), *b = new_node(0, LARGE, 0);
    node(0);
    mark(a);
    mark(b);
    cycle(PHASE_RUN);
    findings_walk();
    ck_assert_uint_eq(site_get(site[0])->walk_blocks, 2);
    ck_assert_uint_eq(site_get(site[0])->walk_bytes, BYTES + LARGE);
    ck_assert_uint_eq(lost_of(0), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("finding");
    TCase *tcase = tcase_create("finding");
    tcase_add_checked_fixture(tcase, begin, NULL);
    tcase_set_timeout(tcase, 20);
    tcase_add_loop_test(tcase, a_block_is_told_of_once, 0, 2);
    tcase_add_test(tcase, what_leads_on_is_direct_and_the_rest_indirect);
    tcase_add_test(tcase, of_a_ring_the_oldest_is_direct);
    tcase_add_test(tcase, rings_that_share_much_take_no_square_of_time);
    tcase_add_test(tcase, ignored_blocks_and_what_they_lead_to_are_not_told_of);
    tcase_add_test(tcase, suppressed_blocks_are_counted_by_themselves);
    tcase_add_test(tcase, blocks_without_a_note_lead_to_indirect_ones);
    tcase_add_test(tcase, what_is_freed_meanwhile_was_not_lost);
    tcase_add_test(tcase, the_living_are_counted_and_the_lost_not);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
