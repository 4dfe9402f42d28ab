// heap/quarantine.h: what is freed is held back as long as marks find it, and freed by the first sweep of a cycle that does not; the marks
// are made by hand. Double frees are told apart exactly, large blocks sealed and unsealed.
#include "heap/quarantine.h"

#include "base/peek.h"
#include "heap/heap.h"
#include "heap/misuse.h"

#include "unit.h"
#include "upcalls.h"

#include <pthread.h>
#include <string.h>

enum { BLOCKS = 400, THREADS = 4, LARGE = 1 << 20 };

static const size_t sizes[] = {16, 200, 5000, 100000, LARGE};
static char *blocks[BLOCKS];

static size_t count_of(size_t bytes) { return bytes >= LARGE ? 20 : bytes > SMALL_MAX ? 40 : BLOCKS; }

static void fill(size_t bytes)
{
    for (size_t i = 0; i < count_of(bytes); i++) {
        blocks[i] = heap_alloc_slow(bytes, false, false);
        ck_assert_ptr_nonnull(blocks[i]);
        memset(blocks[i], 0x11, bytes);
    }
}

static void mark(const char *p)
{
    struct heap_block b = heap_find((uintptr_t)p);
    unsigned slot = b.kind == HEAP_SMALL
                        ? slot_of(&class_table[b.bin], (b.base - cage.base) & (UNIT_BYTES - 1))
                        : 0;
    if (b.kind == HEAP_LARGE)
        large_row(b.id)->mark = 1;
    else
        atomic_fetch_or(&cage.words[cage_unit(b.base) * WORDS_PER_SPAN + slot / 64].mark, 1UL << slot % 64);
}

// A cycle that found the blocks from `from` on.
static void cycle(size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        mark(blocks[i]);
    for (unsigned bin = 0; bin < BIN_NOTED; bin++)
        for (uint32_t i = 0; i < cache_self.plain.magazines[bin].n; i++)
            mark(cache_self.plain.magazines[bin].slot[i]);
    heap_sweep_begin(true, 0);
    heap_sweep_all();
    quarantine_cycle_ends(0, true);
}

static void release(char *p)
{
    ck_assert(!heap_free(p)); // Q2
    if (!quarantine_take_quick(p, 1))
        heap_free_slow(p);
}

static bool is_held(const char *p)
{
    struct heap_block b = heap_find((uintptr_t)p);
    return b.allocated && quarantine_has(&b);
}

static void setup(void)
{
    ck_assert_ptr_nonnull(heap_alloc_slow(10, false, false));
    quarantine_boot(false);
    ck_assert(quarantine_on);
}

START_TEST(held_while_it_is_marked)
{
    size_t count = count_of(sizes[_i]);
    fill(sizes[_i]);
    size_t live = heap_live_bytes();
    for (size_t i = 0; i < count; i++) {
        ck_assert(!is_held(blocks[i]));
        release(blocks[i]);
        ck_assert(is_held(blocks[i]));
    }
    cycle(count / 2, count);
    for (size_t i = 0; i < count; i++)
        ck_assert(is_held(blocks[i]) == (i >= count / 2));
    ck_assert_uint_lt(heap_live_bytes(), live);
    cycle(0, 0);
    for (size_t i = 0; i < count; i++)
        ck_assert(!heap_find((uintptr_t)blocks[i]).allocated);
}
END_TEST

static _Atomic unsigned firsts;

static void *free_all(void *unused)
{
    for (size_t i = 0; i < BLOCKS; i++)
        firsts += quarantine_take_quick(blocks[i], 1);
    return unused;
}

START_TEST(one_of_many_frees_is_the_first)
{
    pthread_t threads[THREADS];
    fill(200);
    release(heap_alloc_slow(200, false, false)); // its table is there
    for (size_t t = 0; t < THREADS; t++)
        ck_assert_int_eq(pthread_create(&threads[t], NULL, free_all, NULL), 0);
    for (size_t t = 0; t < THREADS; t++)
        ck_assert_int_eq(pthread_join(threads[t], NULL), 0);
    ck_assert_uint_eq(firsts, BLOCKS);
    heap_free_slow(blocks[0]);
    ck_assert_uint_eq(misuse_count(), 1);
}
END_TEST

static bool can_be_read(const char *p)
{
    char word[8];
    return peek(word, p, sizeof word);
}

START_TEST(large_blocks_are_sealed)
{
    fill(LARGE);
    heap_is_read = true;
    release(blocks[0]);
    heap_is_read = false;
    release(blocks[1]);
    ck_assert(can_be_read(blocks[0]) && !can_be_read(blocks[1]) && can_be_read(blocks[2]));
    cycle(0, count_of(LARGE));
    ck_assert(!can_be_read(blocks[0]) && !can_be_read(blocks[1]) && can_be_read(blocks[2]));
    cycle(2, count_of(LARGE));
    ck_assert(can_be_read(blocks[0]) && can_be_read(blocks[1]));
    ck_assert(!heap_find((uintptr_t)blocks[0]).allocated && heap_find((uintptr_t)blocks[2]).allocated);
}
END_TEST

// A quarter of what else there is, or of 4 MiB.
START_TEST(full_by_its_share)
{
    size_t held = 0;
    for (; !quarantine_is_full() && held < 64; held++)
        release(heap_alloc_slow(100000, false, false));
    ck_assert_uint_ge(held, MIB / 102400);
    ck_assert_uint_le(held, 2 * MIB / 102400);
    cycle(0, 0);
    ck_assert(!quarantine_is_full());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("quarantine");
    TCase *tcase = tcase_create("quarantine");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_loop_test(tcase, held_while_it_is_marked, 0, sizeof sizes / sizeof sizes[0]);
    tcase_add_test(tcase, one_of_many_frees_is_the_first);
    tcase_add_test(tcase, large_blocks_are_sealed);
    tcase_add_test(tcase, full_by_its_share);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
