// gc/scan.h: every variant of the filter against the obvious loop, in buffers that end where memory ends.
#include "gc/scan_avx2.h"

#include "base/bits.h"
#include "heap/cage.h"
#include "sys/cpu.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const struct {
    const char *name;
    size_t (*filter)(const void *from, size_t bytes, uintptr_t *out);
    unsigned step;
    bool vectors;
} variants[] = {
    {"scalar_1", scan_filter_scalar_1, 1, false}, {"scalar_4", scan_filter_scalar_4, 4, false},
    {"scalar_8", scan_filter_scalar_8, 8, false}, {"avx2_1", scan_filter_avx2_1, 1, true},
    {"avx2_4", scan_filter_avx2_4, 4, true},      {"avx2_8", scan_filter_avx2_8, 8, true},
};

enum { VARIANTS = sizeof variants / sizeof variants[0], BUFFER = 2 * 4096 };

static char *fence; // nothing can be read from here on, nor below fence - BUFFER

static void setup(void)
{
    char *map = mmap(NULL, BUFFER + 2 * PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(map != MAP_FAILED);
    ck_assert(mprotect(map + PAGE_BYTES, BUFFER, PROT_READ | PROT_WRITE) == 0);
    fence = map + PAGE_BYTES + BUFFER;
}

static void place_cage(unsigned shift)
{
    scan_guard = 0x8b3c5d7e9f102a4c;
    cage.shift = shift;
    cage.bytes = (uintptr_t)1 << shift;
    cage.base = align_down(0x5a5a12345678, cage.bytes);
}

static int ascending(const void *a, const void *b)
{
    uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;
    return (x > y) - (x < y);
}

static size_t filter_slowly(const char *at, size_t bytes, size_t step, uintptr_t *out)
{
    size_t found = 0;
    for (size_t i = 0; i + 8 <= bytes; i += step) {
        uintptr_t word = 0;
        for (unsigned k = 0; k < 8; k++)
            word |= (uintptr_t)(unsigned char)at[i + k] << 8 * k;
        uintptr_t address = word << 16 >> 16, plain = scan_unmangle(word);
        if (address >= cage.base && address - cage.base < cage.bytes)
            out[found++] = address;
        if (i % 8 == 0 && plain >= cage.base && plain - cage.base < cage.bytes)
            out[found++] = plain;
    }
    return found;
}

// The same candidates, in whatever order.
static void compare(unsigned v, const char *at, size_t bytes)
{
    uintptr_t expected[SCAN_MAX_CANDIDATES + 1], got[SCAN_MAX_CANDIDATES + 1];
    static const uintptr_t untouched = 0xfeedfeedfeedfeed;
    got[SCAN_MAX_CANDIDATES] = untouched;
    size_t many = filter_slowly(at, bytes, variants[v].step, expected);
    size_t found = variants[v].filter(at, bytes, got);
    if (found != many)
        ck_abort_msg("%s: %zu instead of %zu in %zu bytes", variants[v].name, found, many, bytes);
    qsort(expected, many, sizeof expected[0], ascending);
    qsort(got, found, sizeof got[0], ascending);
    if (memcmp(expected, got, found * sizeof got[0]) != 0)
        ck_abort_msg("%s: other candidates in %zu bytes", variants[v].name, bytes);
    if (got[SCAN_MAX_CANDIDATES] != untouched)
        ck_abort_msg("%s: stored more than it may", variants[v].name);
}

// As setjmp does (PTR_MANGLE).
static uintptr_t mangle(uintptr_t address)
{
    address ^= scan_guard;
    return address << 17 | address >> 47;
}

// Addresses at the edges of the cage and just outside it, tagged and mangled ones, by turns.
static uintptr_t edge(unsigned i)
{
    const uintptr_t end = cage.base + cage.bytes;
    const uintptr_t edges[] = {cage.base,
                               end - 1,
                               cage.base - 1,
                               end,
                               cage.base + next_random() % cage.bytes,
                               (cage.base + next_random() % cage.bytes) | next_random() << 48,
                               mangle(cage.base + next_random() % cage.bytes)};
    return edges[i % (sizeof edges / sizeof edges[0])];
}

static bool skipped(unsigned v) { return variants[v].vectors && !cpu_has_avx2(); }

START_TEST(test_every_offset_and_length)
{
    setup();
    place_cage(40);
    for (size_t bytes = 0; bytes <= 200 && !skipped((unsigned)_i); bytes += 8) {
        char *from = fence - bytes;
        for (size_t offset = 0; offset + 8 <= bytes; offset++)
            for (unsigned i = 0; i < 7; i++) {
                uintptr_t planted = edge(i);
                memset(from, (int)i * 0x55, bytes);
                memcpy(from + offset, &planted, sizeof planted);
                compare((unsigned)_i, from, bytes);
            }
        compare((unsigned)_i, from, bytes);
        compare((unsigned)_i, fence - BUFFER, bytes);
    }
}
END_TEST

START_TEST(test_random_buffers)
{
    static const unsigned shifts[] = {24, 32, 36, 40};
    setup();
    for (int round = 0; round < 3000 && !skipped((unsigned)_i); round++) {
        size_t bytes = 8 * (next_random() % (SCAN_BLOCK_BYTES / 8 + 1));
        char *from = fence - bytes;
        place_cage(shifts[round % 4]);
        for (size_t i = 0; i < bytes; i++)
            from[i] = (char)(next_random() >> 20);
        for (uint64_t many = next_random() % 64; many && bytes; many--) {
            uintptr_t planted = edge((unsigned)many);
            memcpy(from + next_random() % (bytes - 7), &planted, sizeof planted);
        }
        compare((unsigned)_i, from, bytes);
    }
}
END_TEST

// The same byte everywhere, so that at every byte begins a pointer: the most that one call can find.
START_TEST(test_nothing_but_pointers)
{
    setup();
    cage.shift = 40;
    cage.bytes = (uintptr_t)1 << 40;
    cage.base = align_down(0x5a5a5a5a5a5a, cage.bytes);
    for (size_t bytes = 0; bytes <= SCAN_BLOCK_BYTES && !skipped((unsigned)_i); bytes += 8) {
        memset(fence - bytes, 0x5a, bytes);
        compare((unsigned)_i, fence - bytes, bytes);
    }
}
END_TEST

// As marking does with a small block. False: there is a mangled pointer.
static __attribute__((target("avx2,bmi"))) bool filter_small(const char *at, size_t bytes, uint64_t wanted,
                                                             uintptr_t *out, size_t *found)
{
    const struct scan_pattern pattern = scan_pattern_of_cage();
    uint64_t halves = scan_small(at, bytes, &pattern);
    *found = 0;
    if (halves == UINT64_MAX)
        return false;
    for (halves &= wanted; halves; halves &= halves - 1) {
        memcpy(&out[*found], at + 4 * __builtin_ctzl(halves) - 4, sizeof out[0]);
        out[*found] &= SCAN_UNTAGGED;
        *found += cage_contains(out[*found]);
    }
    return true;
}

static void compare_small(const char *at, size_t bytes, size_t step)
{
    uintptr_t expected[SCAN_SMALL_MOST], got[SCAN_SMALL_MOST];
    size_t many = filter_slowly(at, bytes, step, expected), found;
    bool mangled = false;
    for (size_t i = 0; i < bytes; i += 8) {
        uintptr_t word;
        memcpy(&word, at + i, sizeof word);
        mangled |= cage_contains(scan_unmangle(word));
    }
    scan_boot((unsigned)step);
    scan_guard = 0x8b3c5d7e9f102a4c;
    bool plain = filter_small(at, bytes, scan_halves, got, &found);
    ck_assert_int_eq(plain, !mangled);
    if (!plain)
        return;
    qsort(expected, many, sizeof expected[0], ascending);
    qsort(got, found, sizeof got[0], ascending);
    ck_assert_uint_eq(found, many);
    ck_assert_mem_eq(expected, got, found * sizeof got[0]);
}

START_TEST(test_small_blocks)
{
    setup();
    for (int round = 0; round < 20000 && cpu_has_avx2(); round++) {
        size_t bytes = 16 * (1 + next_random() % (SCAN_SMALL_MOST / 16));
        char *from = fence - bytes;
        place_cage(round % 2 ? 40 : 34);
        for (size_t i = 0; i < bytes; i++)
            from[i] = (char)(next_random() >> 20);
        for (uint64_t many = next_random() % 8; many; many--) {
            uintptr_t planted = edge((unsigned)next_random() % (round % 8 ? 6 : 7));
            memcpy(from + next_random() % (bytes - 7), &planted, sizeof planted);
        }
        compare_small(from, bytes, round % 4 < 2 ? 4 : 8);
    }
    memset(fence - SCAN_SMALL_MOST, 0x5a, SCAN_SMALL_MOST); // nothing but pointers
    place_cage(40);
    cage.base = align_down(0x5a5a5a5a5a5a, cage.bytes);
    if (cpu_has_avx2())
        compare_small(fence - SCAN_SMALL_MOST, SCAN_SMALL_MOST, 4);
}
END_TEST

START_TEST(test_choice)
{
    bool vectors = cpu_has_avx2();
    scan_boot(1);
    ck_assert(scan_filter == (vectors ? scan_filter_avx2_1 : scan_filter_scalar_1));
    scan_boot(8);
    ck_assert(scan_filter == (vectors ? scan_filter_avx2_8 : scan_filter_scalar_8));
    scan_boot(4);
    ck_assert(scan_filter == (vectors ? scan_filter_avx2_4 : scan_filter_scalar_4));
    ck_assert(scan_filter_code == (vectors ? scan_filter_avx2_1 : scan_filter_scalar_1));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scan");
    TCase *tcase = tcase_create("scan");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_every_offset_and_length, 0, VARIANTS);
    tcase_add_loop_test(tcase, test_random_buffers, 0, VARIANTS);
    tcase_add_loop_test(tcase, test_nothing_but_pointers, 0, VARIANTS);
    tcase_add_test(tcase, test_small_blocks);
    tcase_add_test(tcase, test_choice);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
