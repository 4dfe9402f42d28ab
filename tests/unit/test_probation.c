// heap/probation.h: condemned blocks wait and are freed in time, what the program does with one of them is found, and one that is
// marked again is forgotten. The marks are made by hand.
#include "heap/probation.h"

#include "heap/heap.h"

#include "unit.h"

#include <string.h>

enum { BYTES = 700, BLOCKS = 300, LARGE = 300000 };

static unsigned told;

static void nobody(void) {}
static void nobody_for(void *p) { (void)p; }
static void hidden_pointers(void) { told++; }
static bool nothing_found(void) { return false; }

struct heap_upcalls heap_upcalls = {.first_use = nobody,
                                    .free_foreign = nobody_for,
                                    .slow_alloc = nobody_for,
                                    .hidden_pointers = hidden_pointers,
                                    .out_of_memory = nothing_found};

static char *blocks[BLOCKS];

static void fill(size_t bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        blocks[i] = heap_alloc_slow(bytes, false, false);
        ck_assert_ptr_nonnull(blocks[i]);
        memset(blocks[i], (int)i, bytes);
    }
}

static void mark(const char *p)
{
    struct heap_block b = heap_find((uintptr_t)p);
    size_t unit = cage_unit(b.base);
    if (b.kind == HEAP_LARGE)
        large_row(b.id)->mark = 1;
    else {
        unsigned slot = slot_of(&class_table[b.bin], (b.base - cage.base) & (UNIT_BYTES - 1));
        atomic_fetch_or(&cage.words[unit * WORDS_PER_SPAN + slot / 64].mark, 1UL << slot % 64);
    }
}

// A cycle that found these blocks alone, from `from` to `to`; magazines are black as they are in a real one.
static void cycle(unsigned sweeps, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        mark(blocks[i]);
    for (unsigned bin = 0; bin < BIN_NOTED; bin++)
        for (uint32_t i = 0; i < cache_self.plain.magazines[bin].n; i++)
            mark(cache_self.plain.magazines[bin].slot[i]);
    heap_sweep_begin(true, sweeps);
    heap_sweep_all();
}

static bool exists(const char *p) { return heap_find((uintptr_t)p).allocated; }

static size_t count_existing(size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += exists(blocks[i]);
    return n;
}

static const size_t sizes[] = {16, BYTES, LARGE};

START_TEST(after_its_sweeps_a_block_is_freed)
{
    size_t count = sizes[_i] == LARGE ? 20 : BLOCKS;
    for (unsigned sweeps = 0; sweeps < 4; sweeps++) {
        fill(sizes[_i], count);
        for (unsigned i = 0; i < sweeps; i++) {
            cycle(sweeps, 0, count / 3);
            ck_assert_uint_eq(count_existing(count), count);
        }
        cycle(sweeps, 0, count / 3);
        ck_assert_uint_eq(count_existing(count), count / 3);
        cycle(0, 0, 0);
    }
}
END_TEST

START_TEST(what_is_marked_again_begins_anew)
{
    size_t count = sizes[_i] == LARGE ? 20 : BLOCKS;
    fill(sizes[_i], count);
    cycle(1, 0, 0);
    memset(blocks[1], 0x55, sizes[_i]); // by a pointer that is seen again: no find
    cycle(1, 0, 2);
    ck_assert_uint_eq(count_existing(count), 2);
    cycle(1, 0, 0);
    ck_assert_uint_eq(count_existing(count), 2);
    cycle(1, 0, 0);
    ck_assert_uint_eq(count_existing(count), 0);
}
END_TEST

START_TEST(a_cycle_that_reclaims_nothing_changes_nothing)
{
    fill(BYTES, BLOCKS);
    cycle(1, 0, 0);
    heap_sweep_begin(false, 1);
    heap_sweep_all();
    ck_assert_uint_eq(count_existing(BLOCKS), BLOCKS);
    cycle(1, 0, 0);
    ck_assert_uint_eq(count_existing(BLOCKS), 0);
}
END_TEST

static void use(int how, char *p)
{
    if (how == FOUND_FREED && !heap_free(p))
        heap_free_slow(p);
    if (how == FOUND_RESIZED)
        ck_assert_ptr_nonnull(heap_realloc(p, 1));
    if (how == FOUND_MEASURED)
        ck_assert_uint_ne(heap_usable(p), 0);
    if (how == FOUND_WRITTEN)
        p[0] ^= 1;
}

// Its size is not reclaimed any more: neither what is condemned already nor what is lost from now on.
START_TEST(every_use_is_found)
{
    bool large = _i & 1;
    size_t count = large ? 20 : BLOCKS, bytes = large ? LARGE : BYTES;
    int how = _i / 2;
    fill(bytes, count);
    cycle(1, 0, 0);
    use(how, blocks[count / 2]);
    cycle(1, 0, 0); // by which a write is found
    fill(bytes, count);
    for (int i = 0; i < 4; i++)
        cycle(1, 0, 0);
    ck_assert_uint_eq(count_existing(count), count);
    ck_assert_uint_eq(told, 0);
}
END_TEST

START_TEST(other_sizes_are_reclaimed_until_there_are_several)
{
    for (size_t i = 0; i < SIZES_ENOUGH; i++) {
        ck_assert_uint_eq(told, 0);
        fill(500 * (i + 1), 10);
        cycle(1, 0, 0);
        use(FOUND_FREED, blocks[0]);
    }
    ck_assert_uint_eq(told, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("probation");
    TCase *tcase = tcase_create("probation");
    tcase_add_loop_test(tcase, after_its_sweeps_a_block_is_freed, 0, 3);
    tcase_add_loop_test(tcase, what_is_marked_again_begins_anew, 0, 3);
    tcase_add_test(tcase, a_cycle_that_reclaims_nothing_changes_nothing);
    tcase_add_loop_test(tcase, every_use_is_found, 0, 2 * (FOUND_WRITTEN + 1));
    tcase_add_test(tcase, other_sizes_are_reclaimed_until_there_are_several);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
