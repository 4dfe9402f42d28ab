// heap/vacant.c: which pages of a span nobody uses, against a list of who uses what; what is dropped is exactly that.
#include "heap/vacant.h"

#include "heap/heap.h"

#include "unit.h"
#include "upcalls.h"

#include <string.h>

enum { MOST_SLOTS = 4096, ROUNDS = 200, SPAN_PAGES = UNIT_BYTES >> PAGE_SHIFT, ALL_PAGES = 0xffff };

static void *slots[MOST_SLOTS];
static bool used[MOST_SLOTS];

static void setup(void)
{
    ck_assert(heap_boot());
    crit_enter(); // for good: this test plays what the heap does inside
}

static size_t unit_of(const struct span *s) { return (size_t)(s - cage.spans); }

static struct span *full_span(unsigned bin)
{
    struct span *s = span_take(bin);
    unsigned word = 0, got = 0;
    while (word < class_table[bin].words)
        got += span_claim(s, &word, slots + got, MOST_SLOTS - got);
    ck_assert_uint_eq(got, class_table[bin].slots);
    for (unsigned i = 0; i < got; i++) {
        memset(slots[i], 0x55, class_table[bin].size);
        used[i] = true;
    }
    span_release(s);
    return s;
}

static void give(struct span *s, unsigned slot)
{
    span_give(s, slot / 64, UINT64_C(1) << slot % 64);
    used[slot] = false;
}

static uint32_t expected_pages(unsigned bin)
{
    uint32_t pages = ALL_PAGES;
    for (unsigned slot = 0; slot < class_table[bin].slots; slot++) {
        unsigned lo = slot * class_table[bin].size, hi = lo + class_table[bin].size - 1;
        for (unsigned page = lo >> PAGE_SHIFT; used[slot] && page <= hi >> PAGE_SHIFT; page++)
            pages &= ~(1u << page);
    }
    return pages;
}

// What is in use is whole, what was dropped is empty.
static void check_contents(unsigned bin, const struct span *s, uint32_t dropped)
{
    const unsigned char *base = (const unsigned char *)span_base(s);
    for (unsigned slot = 0; slot < class_table[bin].slots; slot++)
        for (unsigned i = 0; used[slot] && i < class_table[bin].size; i++)
            ck_assert_uint_eq(base[slot * class_table[bin].size + i], 0x55);
    for (unsigned page = 0; page < SPAN_PAGES; page++)
        for (unsigned i = 0; dropped >> page & 1 && i < PAGE_BYTES; i++)
            ck_assert_uint_eq(base[(page << PAGE_SHIFT) + i], 0);
}

// Every class, from full to nearly empty.
START_TEST(test_pages)
{
    setup();
    unsigned bin = (unsigned)_i;
    struct span *other = full_span(bin); // PARTIAL too: else the last span of a bin stays in it
    struct span *s = full_span(bin);
    give(other, 0);
    used[0] = true; // of s it is
    bool refused = false;
    ck_assert_uint_eq(vacant_pages(unit_of(s)), 0); // FULL
    for (unsigned left = class_table[bin].slots, round = 0; left > 1 && round < ROUNDS; left--) {
        unsigned slot = (unsigned)(next_random() % class_table[bin].slots);
        while (!used[slot])
            slot = (slot + 1) % class_table[bin].slots;
        give(s, slot);
        if (left > 20 && next_random() % (class_table[bin].slots / 20 + 1))
            continue;
        uint32_t pages = expected_pages(bin), some = (uint32_t)next_random() & ALL_PAGES;
        ck_assert_uint_eq(vacant_pages(unit_of(s)), pages);
        uint32_t dropped = vacant_drop(unit_of(s), some, &refused);
        ck_assert_uint_eq(dropped, pages & some);
        ck_assert(!refused);
        check_contents(bin, s, dropped);
        round++;
    }
}
END_TEST

// A span that a thread claims from is nobody else's business, whatever is free in it.
START_TEST(test_current)
{
    setup();
    bool refused = false;
    struct span *s = span_take(3);
    ck_assert_uint_eq(vacant_pages(unit_of(s)), 0);
    ck_assert_uint_eq(vacant_drop(unit_of(s), ALL_PAGES, &refused), 0);
    span_release(s);
    ck_assert_uint_eq(vacant_drop(unit_of(s), ALL_PAGES, &refused), ALL_PAGES);
    ck_assert_ptr_eq(span_take(3), s);
}
END_TEST

// Empty spans: those without pages are taken when all others are.
START_TEST(test_cold_last)
{
    enum { SPANS = 6, COLD = 2 };
    setup();
    bool refused = false;
    struct span *spans[SPANS], *cold[COLD];
    for (unsigned i = 0; i < SPANS; i++)
        spans[i] = full_span(7);
    for (unsigned i = 0; i < SPANS; i++)
        for (unsigned slot = 0; slot < class_table[7].slots; slot++)
            give(spans[i], slot);
    ck_assert_uint_eq(span_pool_count(), SPANS - 1); // one stays in its bin
    for (unsigned i = SPANS, n = 0; n < COLD; n++) { // those that would be taken first
        while (!spans[--i]->pooled)
            ;
        ck_assert_uint_eq(vacant_drop(unit_of(spans[i]), ALL_PAGES, &refused), ALL_PAGES);
        cold[n] = spans[i];
    }
    ck_assert_uint_eq(span_pool_count(), SPANS - 1);
    for (unsigned taken = 0; taken < SPANS - 1; taken++) {
        struct span *s = span_take(9 + taken);
        ck_assert_int_eq(s == cold[0] || s == cold[1], taken >= SPANS - 1 - COLD);
    }
    ck_assert_uint_eq(span_pool_count(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vacant");
    TCase *tcase = tcase_create("vacant");
    tcase_add_loop_test(tcase, test_pages, 0, CLASS_COUNT);
    tcase_add_test(tcase, test_current);
    tcase_add_test(tcase, test_cold_last);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
