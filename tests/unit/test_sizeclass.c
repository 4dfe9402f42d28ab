// heap/sizeclass.h, exhaustively: every request, and every offset into a span of every class.
#include "heap/cage.h"
#include "heap/sizeclass.h"

#include "unit.h"

#include <stdlib.h>

// ck_assert writes to a file even when all is well: too slow for the inner loops.
#define EXPECT(condition)                                 \
    do {                                                  \
        if (!(condition))                                 \
            ck_abort_msg("%s does not hold", #condition); \
    } while (0)

START_TEST(test_class_is_the_smallest)
{
    sizeclass_boot();
    for (size_t n = 0; n <= SMALL_MAX; n++) {
        unsigned smallest = 0;
        while (class_table[smallest].size <= n)
            smallest++;
        EXPECT(class_of(n) == smallest);
    }
    ck_assert_uint_eq(class_of(SMALL_MAX), CLASS_COUNT - 1);
    ck_assert_uint_eq(class_table[CLASS_COUNT - 1].size, SMALL_MAX + 1);
}
END_TEST

START_TEST(test_table)
{
    sizeclass_boot();
    for (unsigned i = 0; i < BIN_COUNT; i++) {
        const struct size_class *c = &class_table[i], *twin = &class_table[i % CLASS_COUNT];
        ck_assert_uint_eq(c->size % SLOT_GRAIN, 0);
        ck_assert(i % CLASS_COUNT == 0 || c[-1].size < c->size);
        ck_assert_uint_eq(c->slots, UNIT_BYTES / c->size);
        ck_assert_uint_eq(c->words, (c->slots + 63) / 64);
        ck_assert_uint_le(c->words, WORDS_PER_SPAN);
        ck_assert_uint_ge(c->magazine, 4);
        ck_assert(c->size == twin->size && c->reciprocal == twin->reciprocal && c->slots == twin->slots &&
                  c->words == twin->words && c->magazine == twin->magazine);
    }
}
END_TEST

START_TEST(test_slot_of_every_offset)
{
    sizeclass_boot();
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        const struct size_class *c = &class_table[i];
        for (uint32_t offset = 0; offset < UNIT_BYTES; offset++) {
            EXPECT(slot_of(c, offset) == offset / c->size);
            EXPECT(slot_starts_at(c, offset) == (offset % c->size == 0 && offset / c->size < c->slots));
        }
    }
}
END_TEST

// A slot is as far from the start of its 64 KiB as its number times its size, so the size says how it is aligned.
START_TEST(test_aligned)
{
    sizeclass_boot();
    for (size_t alignment = SLOT_GRAIN; alignment <= UNIT_BYTES; alignment *= 2)
        for (size_t n = 0; n <= SMALL_MAX; n++) {
            int smallest = 0, got = class_of_aligned(n, alignment);
            while (smallest < CLASS_COUNT &&
                   (class_table[smallest].size <= n || class_table[smallest].size % alignment))
                smallest++;
            if (got != (smallest < CLASS_COUNT ? smallest : -1))
                ck_abort_msg("%zu bytes at %zu: class %d", n, alignment, got);
        }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sizeclass");
    TCase *tcase = tcase_create("sizeclass");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_class_is_the_smallest);
    tcase_add_test(tcase, test_table);
    tcase_add_test(tcase, test_slot_of_every_offset);
    tcase_add_test(tcase, test_aligned);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
