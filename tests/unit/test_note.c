// heap/note.h: who writes notes when, and what becomes of them: on every way that a block comes, changes and goes.
#include "heap/note.h"

#include "base/log.h"
#include "heap/heap.h"

#include "unit.h"

#include <string.h>

enum { SITE = 7, OTHER = 8, SMALL = 100, LARGE = 300000 };

static unsigned double_frees, deaths;
static uint32_t death_site;
static size_t death_bytes;

static void come_to_heap(void) { cache_self.state = CACHE_LIVE; }
static void nobody(void) {}
static void nobody_for(void *p) { (void)p; }
static bool nothing_found(void) { return false; }
static void count_death(const struct note *note, size_t bytes)
{
    deaths++;
    death_site = note->site;
    death_bytes = bytes;
}

struct heap_upcalls heap_upcalls = {.first_use = come_to_heap,
                                    .free_foreign = nobody_for,
                                    .slow_alloc = nobody_for,
                                    .hidden_pointers = nobody,
                                    .out_of_memory = nothing_found};

static void count_lines(const char *line, size_t bytes)
{
    (void)bytes;
    double_frees += strstr(line, "is free") != NULL;
}

static void begin(void)
{
    log_writer = count_lines;
    ck_assert(heap_boot());
}

static const struct note_facts facts = {.site = SITE}, others = {.site = OTHER, .flags = NOTE_IGNORED};

static void *allocate(size_t n, size_t alignment, bool zeroed, bool noarm)
{
    void *p = alignment == SLOT_GRAIN && n <= SMALL_MAX && !zeroed && !noarm
                  ? heap_alloc_noted_quick(n, class_of(n), facts)
                  : NULL;
    return p ? p : heap_alloc_noted(n, alignment, zeroed, noarm, facts);
}

static void release(void *p)
{
    if (!heap_free(p) && !heap_free_noted_quick(p, &(struct note){0}))
        heap_free_slow(p);
}

static const struct note *note_at(const void *p)
{
    struct heap_block b = heap_find((uintptr_t)p);
    return note_of(&b);
}

static void check(const void *p, uint32_t site, size_t bytes)
{
    struct heap_block b = heap_find((uintptr_t)p);
    ck_assert(b.allocated);
    ck_assert_ptr_nonnull(note_of(&b));
    ck_assert_uint_eq(note_of(&b)->site, site);
    ck_assert_uint_eq(note_bytes(&b), bytes);
    ck_assert_uint_eq(note_of(&b)->holder, 0);
}

static const size_t sizes[] = {0, 1, 15, 16, 100, 1024, 5000, SMALL_MAX, SMALL_MAX + 1, LARGE};

// N1, at every alignment, armed or not; zeroed is zeroed, in slots that were used before too.
START_TEST(a_block_that_is_handed_out_has_its_note)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (size_t alignment = SLOT_GRAIN; alignment <= 64 * KIB; alignment *= 4)
            for (int how = 0; how < 4; how++)
                for (int again = 0; again < 3; again++) {
                    char *p = allocate(sizes[i], alignment, how & 1, how & 2);
                    ck_assert_ptr_nonnull(p);
                    ck_assert_uint_eq((uintptr_t)p % alignment, 0);
                    if (note_at(p)) // one that is aligned for itself may have none
                        check(p, SITE, sizes[i]);
                    else
                        ck_assert_uint_gt(alignment, SLOT_GRAIN);
                    for (size_t at = 0; how & 1 && alignment == SLOT_GRAIN && at < sizes[i]; at++)
                        ck_assert_int_eq(p[at], 0);
                    memset(p, 0x5a, sizes[i]);
                    release(p);
                }
}
END_TEST

START_TEST(a_freed_block_has_no_site_and_is_freed_once)
{
    char *p = allocate(SMALL, SLOT_GRAIN, false, false), *q = allocate(SMALL, SLOT_GRAIN, false, false);
    const struct note *note = note_at(p);
    release(p);
    ck_assert_uint_eq(note->site, 0);
    release(q); // p is not on top
    ck_assert_uint_eq(double_frees, 0);
    release(p);
    release(q);
    ck_assert_uint_eq(double_frees, 2);
    ck_assert_ptr_null(heap_realloc(p, 2 * SMALL));
    ck_assert_ptr_null(heap_realloc_noted(p, SMALL - 1, facts, &(size_t){0})); // in place
    ck_assert_uint_eq(double_frees, 4);
    ck_assert_uint_eq(note->site, 0);
    ck_assert_ptr_eq(allocate(SMALL, SLOT_GRAIN, false, false), q);
    ck_assert_ptr_eq(allocate(SMALL, SLOT_GRAIN, false, false), p);
    ck_assert_ptr_ne(allocate(SMALL, SLOT_GRAIN, false, false), p); // was not handed out twice
}
END_TEST

// To and from every size: in place, moved, between the kinds; what is left behind has no site.
START_TEST(a_resized_block_counts_as_allocated_anew)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (size_t k = 1; k < sizeof sizes / sizeof sizes[0]; k++) {
            char *p = allocate(sizes[i], SLOT_GRAIN, false, false), *moved;
            const struct note *old = note_at(p);
            memset(p, (int)i, sizes[i]);
            moved = heap_realloc_noted(p, sizes[k], others, &(size_t){0});
            ck_assert_ptr_nonnull(moved);
            check(moved, OTHER, sizes[k]);
            ck_assert_uint_eq(note_at(moved)->flags, NOTE_IGNORED);
            if (moved != p && heap_find((uintptr_t)p).kind == HEAP_SMALL)
                ck_assert_uint_eq(old->site, 0);
            for (size_t at = 0; at < sizes[i] && at < sizes[k]; at++)
                ck_assert_int_eq(moved[at], (char)i);
            release(moved);
        }
    ck_assert_uint_eq(double_frees, 0);
}
END_TEST

START_TEST(what_cannot_be_resized_keeps_its_note)
{
    for (int large = 0; large < 2; large++) {
        size_t bytes = large ? LARGE : SMALL;
        char *p = allocate(bytes, SLOT_GRAIN, false, false);
        ck_assert_ptr_null(heap_realloc_noted(p, (size_t)1 << 60, others, &(size_t){0}));
        check(p, SITE, bytes);
        release(p);
    }
}
END_TEST

// The sweep ends notes as free does, and tells who wants to know.
START_TEST(a_swept_block_has_no_site)
{
    for (int large = 0; large < 2; large++) {
        size_t bytes = large ? LARGE : SMALL;
        const struct note *note = note_at(allocate(bytes, SLOT_GRAIN, false, false));
        heap_upcalls.noted_death = count_death;
        cache_flush(&cache_self);
        heap_sweep_begin(true, 0);
        heap_sweep_all();
        ck_assert_uint_eq(deaths, (unsigned)large + 1);
        ck_assert_uint_eq(death_site, SITE);
        ck_assert_uint_eq(death_bytes, bytes);
        ck_assert_uint_eq(large ? 0 : note->site, 0);
    }
}
END_TEST

// N2: spans that were emptied come back in other bins, with other numbers of slots, noted or not.
START_TEST(spans_change_bins)
{
    enum { BLOCKS = 3000 };
    static void *blocks[BLOCKS];
    for (int round = 0; round < 60; round++) {
        size_t bytes = sizes[next_random() % 7];
        bool noted = next_random() % 3;
        for (size_t i = 0; i < BLOCKS; i++) {
            blocks[i] = noted ? allocate(bytes, SLOT_GRAIN, false, false)
                              : heap_alloc_slow(bytes, false, false);
            ck_assert_ptr_nonnull(blocks[i]);
            memset(blocks[i], 0xff, bytes);
        }
        for (size_t i = 0; i < BLOCKS; i++) {
            if (noted)
                check(blocks[i], SITE, bytes);
            else
                ck_assert_ptr_null(note_at(blocks[i]));
            release(blocks[i]);
        }
        cache_flush(&cache_self);
        notes_collect();
    }
    ck_assert_uint_eq(double_frees, 0);
}
END_TEST

START_TEST(the_order_is_what_was_said)
{
    for (uint32_t i = 0; i < 1000; i++) {
        struct note_facts said = {.site = SITE, .order = i};
        size_t n = sizes[i % 10];
        ck_assert_uint_eq(note_at(heap_alloc_noted(n, SLOT_GRAIN, false, false, said))->order, i);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("note");
    TCase *tcase = tcase_create("note");
    tcase_add_checked_fixture(tcase, begin, NULL);
    tcase_add_test(tcase, a_block_that_is_handed_out_has_its_note);
    tcase_add_test(tcase, a_freed_block_has_no_site_and_is_freed_once);
    tcase_add_test(tcase, a_resized_block_counts_as_allocated_anew);
    tcase_add_test(tcase, what_cannot_be_resized_keeps_its_note);
    tcase_add_test(tcase, a_swept_block_has_no_site);
    tcase_add_test(tcase, spans_change_bins);
    tcase_add_test(tcase, the_order_is_what_was_said);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
