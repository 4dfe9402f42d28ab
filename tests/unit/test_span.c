// heap/span.h: the states a span goes through, what is claimed and given back, and its sweep, one step at a time.
#include "heap/heap.h"

#include "unit.h"
#include "upcalls.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_SLOTS = 4096, BINS_TRIED = 6 };

static const unsigned bins_tried[BINS_TRIED] = {0, 2, 7, 20, CLASS_COUNT - 1, BIN_COUNT - 1};

static void *slots[MOST_SLOTS];

static void setup(void)
{
    ck_assert(heap_boot());
    crit_enter(); // for good: this test plays what the heap does inside
}

static struct span *span_at(const void *slot) { return &cage.spans[cage_unit((uintptr_t)slot)]; }

static unsigned slot_at(const struct span *s, const void *slot)
{
    return slot_of(&class_table[span_bin(s)], (uint32_t)((uintptr_t)slot - span_base(s)));
}

static uint64_t give(void *slot)
{
    struct span *s = span_at(slot);
    unsigned number = slot_at(s, slot);
    return span_give(s, number / 64, UINT64_C(1) << number % 64);
}

static bool is_free(const void *slot) { return !heap_find((uintptr_t)slot).allocated; }

static unsigned claim_all(struct span *s)
{
    unsigned word = 0, got = 0;
    while (word < class_table[span_bin(s)].words)
        got += span_claim(s, &word, slots + got, MOST_SLOTS - got);
    return got;
}

// A span with every slot claimed, FULL.
static struct span *full_span(unsigned bin)
{
    struct span *s = span_take(bin);
    ck_assert_ptr_nonnull(s);
    ck_assert_uint_eq(claim_all(s), class_table[bin].slots);
    span_release(s);
    ck_assert_int_eq(span_state(s), SPAN_FULL);
    return s;
}

START_TEST(test_claim_every_slot)
{
    setup();
    unsigned bin = bins_tried[_i];
    const struct size_class *c = &class_table[bin];
    struct span *s = span_take(bin);
    ck_assert_int_eq(span_state(s), SPAN_CURRENT);
    ck_assert_uint_eq(span_bin(s), bin);
    ck_assert_uint_eq(claim_all(s), c->slots);
    for (unsigned i = 0; i < c->slots; i++) {
        ck_assert_uint_eq((uintptr_t)slots[i], span_base(s) + i * c->size);
        ck_assert(!is_free(slots[i]));
    }
    ck_assert_uint_eq(claim_all(s), 0);
    span_release(s);
    ck_assert_int_eq(span_state(s), SPAN_FULL);
    span_check(s);
}
END_TEST

// A few at a time: in order, none twice, none left out.
START_TEST(test_claim_in_rows)
{
    setup();
    for (unsigned want = 1; want <= 130; want += 3) {
        struct span *s = span_take(2);
        unsigned word = 0, got = 0;
        while (word < class_table[2].words) {
            unsigned more = span_claim(s, &word, slots + got, want);
            ck_assert_uint_le(more, want);
            got += more;
        }
        ck_assert_uint_eq(got, class_table[2].slots);
        for (unsigned i = 1; i < got; i++)
            ck_assert_uint_eq((uintptr_t)slots[i] - (uintptr_t)slots[i - 1], class_table[2].size);
        span_release(s);
    }
}
END_TEST

START_TEST(test_given_back)
{
    setup();
    struct span *s = full_span(bins_tried[_i]);
    void *first = slots[0], *last = slots[class_table[span_bin(s)].slots - 1];
    ck_assert_uint_eq(give(last), 0);
    ck_assert_int_eq(span_state(s), SPAN_PARTIAL);
    ck_assert(is_free(last) && !is_free(first));
    ck_assert_uint_ne(give(last), 0); // twice
    ck_assert_ptr_eq(span_take(span_bin(s)), s);
    ck_assert_uint_eq(claim_all(s), 1);
    ck_assert_ptr_eq(slots[0], last);
    give(first);
    ck_assert_int_eq(span_state(s), SPAN_CURRENT); // who claims from it sees that at the end
    span_release(s);
    ck_assert_int_eq(span_state(s), SPAN_PARTIAL);
}
END_TEST

// The pool takes a span without blocks, but not the last one of its bin that has room, and not while marking runs.
START_TEST(test_retire)
{
    setup();
    struct span *one = full_span(CLASS_COUNT - 1);
    void *blocks[] = {slots[0], slots[1]};
    give(blocks[0]);
    give(blocks[1]);
    ck_assert_int_eq(span_state(one), SPAN_PARTIAL);
    ck_assert_uint_eq(span_pool_count(), 0);
    ck_assert_ptr_eq(span_take(CLASS_COUNT - 1), one);
    struct span *two = full_span(CLASS_COUNT - 1);
    span_release(one);
    ck_assert_ptr_ne(one, two);
    heap_marking = true;
    give(slots[0]);
    give(slots[1]);
    ck_assert_int_eq(span_state(two), SPAN_PARTIAL);
    heap_marking = false;
    ck_assert_ptr_eq(span_take(CLASS_COUNT - 1), two);
    ck_assert_uint_eq(claim_all(two), 2);
    span_release(two);
    give(slots[0]);
    give(slots[1]);
    ck_assert_int_eq(span_state(two), SPAN_EMPTY);
    ck_assert_uint_eq(cage.units[two - cage.spans], 0);
    ck_assert_uint_eq(span_pool_count(), 1);
    ck_assert_ptr_eq(span_take(0), two); // any bin may have it now
    ck_assert_uint_eq(span_bin(two), 0);
    ck_assert_uint_eq(claim_all(two), class_table[0].slots);
}
END_TEST

START_TEST(test_sweep)
{
    setup();
    unsigned bin = bins_tried[_i], live = 0;
    const bool reclaim = bin % 2;
    struct span *s = full_span(bin);
    struct sweep_count count = {0};
    for (unsigned i = 0; i < class_table[bin].slots; i += 2, live++)
        atomic_fetch_or(&span_words(s)[i / 64].mark, UINT64_C(1) << i % 64);
    ck_assert(span_sweep(s, &count)); // not due
    ck_assert_uint_eq(count.live_blocks + count.dead_blocks, 0);
    heap_sweep_begin(reclaim, 0);
    s->sweep_epoch = SWEEP_BUSY;
    ck_assert(!span_sweep(s, &count)); // somebody else is at it
    s->sweep_epoch = heap_sweep_epoch - 2;
    ck_assert(span_sweep(s, &count));
    ck_assert_uint_eq(count.live_blocks, reclaim ? live : class_table[bin].slots);
    ck_assert_uint_eq(count.dead_blocks, class_table[bin].slots - count.live_blocks);
    ck_assert_uint_eq(count.live_bytes, count.live_blocks * class_table[bin].size);
    ck_assert_uint_eq(count.dead_bytes, count.dead_blocks * class_table[bin].size);
    for (unsigned i = 0; i < class_table[bin].slots; i++)
        ck_assert(is_free(slots[i]) == (reclaim && i % 2));
    for (unsigned w = 0; w < WORDS_PER_SPAN; w++)
        ck_assert_uint_eq(span_words(s)[w].mark, 0);
    ck_assert_int_eq(span_state(s), count.dead_blocks ? SPAN_PARTIAL : SPAN_FULL);
    ck_assert_uint_eq(s->sweep_epoch, heap_sweep_epoch);
}
END_TEST

// P3: whoever takes a span sweeps it first.
START_TEST(test_taken_swept)
{
    setup();
    struct span *s = full_span(5);
    void *kept = slots[0], *dead = slots[1], *freed = slots[2];
    give(freed);
    atomic_fetch_or(&span_words(s)[0].mark, 1);
    heap_sweep_begin(true, 0);
    ck_assert_ptr_eq(span_take(5), s);
    ck_assert_uint_eq(s->sweep_epoch, heap_sweep_epoch);
    ck_assert(!is_free(kept) && is_free(dead) && is_free(freed));
    ck_assert_uint_eq(heap_sweep_total().dead_blocks, class_table[5].slots - 2u);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("span");
    TCase *tcase = tcase_create("span");
    tcase_add_loop_test(tcase, test_claim_every_slot, 0, BINS_TRIED);
    tcase_add_test(tcase, test_claim_in_rows);
    tcase_add_loop_test(tcase, test_given_back, 0, BINS_TRIED);
    tcase_add_test(tcase, test_retire);
    tcase_add_loop_test(tcase, test_sweep, 0, BINS_TRIED);
    tcase_add_test(tcase, test_taken_swept);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
