// base/meta.h: the list of our ranges against a bitmap, and the memory itself.
#include "base/meta.h"

#include "base/bits.h"

#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_RANGES = 8192, DEADLINE_S = 120 };

// The list as it is now; checks that it is sorted, that no range is empty and that no two touch.
static size_t list(struct range *out)
{
    size_t count = meta_ranges(out, MOST_RANGES);
    ck_assert_uint_le(count, MOST_RANGES);
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_lt(out[i].lo, out[i].hi);
        ck_assert(i == 0 || out[i - 1].hi < out[i].lo);
    }
    return count;
}

static bool is_ours(const void *start, size_t bytes)
{
    struct range ranges[MOST_RANGES];
    size_t count = meta_ranges(ranges, MOST_RANGES);
    for (size_t i = 0; i < count; i++)
        if (ranges[i].lo <= (uintptr_t)start && (uintptr_t)start + bytes <= ranges[i].hi)
            return true;
    return false;
}

// --- ranges: addresses that are nobody's, a unit each ------------------------------------------------------------

enum { UNITS = 200 };
#define BASE         ((uintptr_t)1 << 62)
#define UNIT_BASE(i) (BASE + (uintptr_t)(i)*PAGE_BYTES)

static bool model[UNITS + 1]; // the last stays false

static void check_against_model(void)
{
    static struct range ranges[MOST_RANGES];
    size_t count = list(ranges), at = 0;
    while (at < count && ranges[at].lo < BASE)
        at++;
    for (int lo = 0, hi; lo < UNITS; lo = hi + 1) {
        for (hi = lo; model[hi]; hi++)
            continue;
        if (hi == lo)
            continue;
        ck_assert_uint_lt(at, count);
        ck_assert_uint_eq(ranges[at].lo, UNIT_BASE(lo));
        ck_assert_uint_eq(ranges[at].hi, UNIT_BASE(hi));
        at++;
    }
    ck_assert_uint_eq(at, count);
}

static void change(bool own, int lo, int hi)
{
    if (own)
        ck_assert(meta_own(UNIT_BASE(lo), UNIT_BASE(hi)));
    else
        meta_disown(UNIT_BASE(lo), UNIT_BASE(hi));
    memset(model + lo, own, (size_t)(hi - lo));
    check_against_model();
}

static const struct {
    bool own;
    int lo, hi;
} steps[] = {
    {true, 10, 20},  {true, 30, 40},    {true, 20, 30},                  // joins both neighbours
    {false, 15, 25},                                                     // splits
    {true, 15, 25},  {true, 12, 18},                                     // inside
    {true, 5, 10},   {true, 40, 45},                                     // grows at either end
    {false, 5, 10},  {false, 40, 45},                                    // and shrinks
    {true, 50, 60},  {true, 70, 80},    {true, 90, 100}, {true, 55, 95}, // swallows
    {false, 0, 200}, {false, 0, 200},                                    // of nothing
    {true, 0, 1},    {true, 2, 3},      {true, 4, 5},    {false, 2, 3},
    {true, 0, 200},  {false, 100, 200}, {false, 0, 100},
};

START_TEST(test_steps)
{
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        change(steps[i].own, steps[i].lo, steps[i].hi);
}
END_TEST

START_TEST(test_random_steps)
{
    for (int i = 0; i < 20000; i++) {
        int lo = (int)(next_random() % UNITS);
        int longest = min_size(UNITS - (size_t)lo, i % 100 ? 8 : UNITS);
        change(next_random() % 2, lo, lo + 1 + (int)(next_random() % (unsigned)longest));
    }
    change(false, 0, UNITS);
}
END_TEST

// A full table says no, changes nothing, and takes ranges again after one was given back.
START_TEST(test_full_table)
{
    static struct range before[MOST_RANGES], after[MOST_RANGES];
    int owned = 0;
    while (owned < MOST_RANGES && meta_own(UNIT_BASE(2 * owned), UNIT_BASE(2 * owned + 1)))
        owned++;
    ck_assert_int_gt(owned, 1000);
    ck_assert_int_lt(owned, MOST_RANGES);
    size_t count = list(before);
    ck_assert(!meta_own(UNIT_BASE(2 * owned), UNIT_BASE(2 * owned + 1)));
    ck_assert_uint_eq(list(after), count);
    ck_assert_mem_eq(before, after, count * sizeof before[0]);
    size_t mapped = meta_mapped_bytes();
    void *new = meta_map(PAGE_BYTES); // it may grow a range of ours, else it is refused
    ck_assert(!new || is_ours(new, PAGE_BYTES));
    ck_assert_uint_eq(meta_mapped_bytes(), mapped + (new ? PAGE_BYTES : 0));
    ck_assert(meta_own(UNIT_BASE(1), UNIT_BASE(2))); // joins two
    ck_assert(meta_own(UNIT_BASE(2 * owned), UNIT_BASE(2 * owned + 1)));
    meta_disown(BASE, UINTPTR_MAX);
    ck_assert_uint_lt(list(after), count - 1000);
}
END_TEST

START_TEST(test_list_without_room)
{
    struct range some[3] = {{0, 0}, {0, 0}, {7, 7}}, all[16];
    for (int i = 0; i < 10; i++)
        ck_assert(meta_own(UNIT_BASE(2 * i), UNIT_BASE(2 * i + 1)));
    size_t count = meta_ranges(all, 16);
    ck_assert_uint_ge(count, 10);
    ck_assert_uint_eq(meta_ranges(some, 2), count);
    ck_assert_mem_eq(some, all, 2 * sizeof all[0]);
    ck_assert_uint_eq(some[2].lo, 7);
    meta_disown(BASE, UINTPTR_MAX);
}
END_TEST

// --- memory -----------------------------------------------------------------------------------------------------

static bool all_bytes(const unsigned char *start, size_t bytes, unsigned char value)
{
    for (size_t i = 0; i < bytes; i++)
        if (start[i] != value)
            return false;
    return true;
}

static bool is_mapped(void *page) { return msync(page, PAGE_BYTES, MS_ASYNC) == 0; }

// Asks the kernel, so that no signal is raised.
static bool is_writable(void *byte)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], byte, 1), 1);
    ssize_t done = read(ends[0], byte, 1);
    ck_assert(done == 1 || errno == EFAULT);
    close(ends[0]);
    close(ends[1]);
    return done == 1;
}

START_TEST(test_map)
{
    static const size_t sizes[] = {1, 4095, 4096, 4097, 65536, 3 * MIB + 5};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t rounded = align_up(sizes[i], PAGE_BYTES), mapped = meta_mapped_bytes();
        char *start = meta_map(sizes[i]);
        ck_assert_ptr_nonnull(start);
        ck_assert_uint_eq((uintptr_t)start % PAGE_BYTES, 0);
        ck_assert_uint_eq(meta_mapped_bytes(), mapped + rounded);
        ck_assert(is_ours(start, rounded));
        ck_assert(all_bytes((unsigned char *)start, rounded, 0));
        memset(start, 0xa5, rounded);
        meta_unmap(start, sizes[i]);
        ck_assert(!is_mapped(start) && !is_mapped(start + rounded - PAGE_BYTES));
        ck_assert(!is_ours(start, PAGE_BYTES));
        ck_assert(!is_ours(start + rounded - PAGE_BYTES, PAGE_BYTES));
        ck_assert_uint_eq(meta_mapped_bytes(), mapped);
    }
}
END_TEST

START_TEST(test_unmapping_one_leaves_the_others)
{
    enum { COUNT = 64 };
    void *pages[COUNT];
    for (int i = 0; i < COUNT; i++)
        ck_assert_ptr_nonnull(pages[i] = meta_map(PAGE_BYTES));
    for (int i = 0; i < COUNT; i += 2)
        meta_unmap(pages[i], PAGE_BYTES);
    for (int i = 0; i < COUNT; i++)
        ck_assert_int_eq(is_ours(pages[i], PAGE_BYTES), i % 2);
}
END_TEST

START_TEST(test_reserve_and_commit)
{
    enum { PAGES = 1000 };
    size_t mapped = meta_mapped_bytes();
    char *start = meta_reserve(PAGES * PAGE_BYTES - 7);
    ck_assert_ptr_nonnull(start);
    ck_assert(is_ours(start, PAGES * PAGE_BYTES));
    ck_assert_uint_eq(meta_mapped_bytes(), mapped);
    ck_assert(all_bytes((unsigned char *)start, PAGES * PAGE_BYTES, 0));
    ck_assert(!is_writable(start));
    // Three pages and a byte, then on from there to the end.
    ck_assert(meta_commit(start, 3 * PAGE_BYTES + 1));
    for (int page = 0; page < PAGES; page++)
        ck_assert_int_eq(is_writable(start + (size_t)page * PAGE_BYTES), page <= 3);
    memset(start, 0x5a, 4 * PAGE_BYTES);
    ck_assert(meta_commit(start + 3 * PAGE_BYTES + 1, 5)); // the page is there
    ck_assert(!is_writable(start + 4 * PAGE_BYTES));
    ck_assert(meta_commit(start + 3 * PAGE_BYTES + 6, (PAGES - 3) * PAGE_BYTES - 6));
    ck_assert(all_bytes((unsigned char *)start, 4 * PAGE_BYTES, 0x5a)); // what is there stays
    ck_assert(all_bytes((unsigned char *)start + 4 * PAGE_BYTES, (PAGES - 4) * PAGE_BYTES, 0));
    ck_assert(is_writable(start + PAGES * PAGE_BYTES - 1));
}
END_TEST

START_TEST(test_alloc)
{
    enum { COUNT = 3000 };
    static unsigned char *blocks[COUNT];
    static size_t sizes[COUNT];
    for (int i = 0; i < COUNT; i++) {
        sizes[i] = 1 + next_random() % (i % 100 ? 300 : 40000);
        blocks[i] = meta_alloc(sizes[i]);
        ck_assert_ptr_nonnull(blocks[i]);
        ck_assert_uint_eq((uintptr_t)blocks[i] % 64, 0);
        ck_assert(all_bytes(blocks[i], sizes[i], 0));
        memset(blocks[i], 1 + i % 255, sizes[i]);
    }
    for (int i = 0; i < COUNT; i++) { // none overlaps another
        ck_assert(all_bytes(blocks[i], sizes[i], (unsigned char)(1 + i % 255)));
        ck_assert(is_ours(blocks[i], sizes[i]));
    }
}
END_TEST

START_TEST(test_no_memory)
{
    struct range before[64], after[64];
    size_t mapped = meta_mapped_bytes(), count = meta_ranges(before, 64);
    ck_assert_ptr_null(meta_map(SIZE_MAX));
    ck_assert_ptr_null(meta_map(SIZE_MAX / 2));
    ck_assert_ptr_null(meta_reserve(SIZE_MAX / 2));
    ck_assert_ptr_null(meta_alloc(SIZE_MAX / 2));
    struct rlimit limit = {0, RLIM_INFINITY}, old;
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &old), 0);
    limit.rlim_max = old.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    void *page = meta_map(PAGE_BYTES), *reserved = meta_reserve(PAGE_BYTES), *big = meta_alloc(MIB);
    size_t blocks = 0;
    while (blocks < 100000 && meta_alloc(64)) // what is left of the chunk
        blocks++;
    setrlimit(RLIMIT_AS, &old);
    ck_assert(!page && !reserved && !big);
    ck_assert_uint_lt(blocks, 100000);
    ck_assert_uint_eq(meta_mapped_bytes(), mapped);
    ck_assert_uint_eq(meta_ranges(after, 64), count);
    ck_assert_mem_eq(before, after, count * sizeof before[0]);
    ck_assert_ptr_nonnull(meta_alloc(64)); // and it recovers
}
END_TEST

// --- threads and fork -------------------------------------------------------------------------------------------

enum { THREADS = 4, ROUNDS = 10000 };

// Whatever the other threads unmap meanwhile, what this one has mapped is in the list.
static void *map_and_unmap(void *unused)
{
    static char not_zeroed[] = "no memory, or not zeroed", not_listed[] = "not in the list";
    for (int i = 0; i < ROUNDS; i++) {
        size_t bytes = (size_t)(1 + i % 3) * PAGE_BYTES;
        unsigned char *pages = meta_map(bytes), *block = meta_alloc(64);
        if (!pages || !block || pages[0] || pages[bytes - 1] || !all_bytes(block, 64, 0))
            return not_zeroed;
        memset(block, 0xff, 64);
        pages[0] = pages[bytes - 1] = 0xff;
        if (!is_ours(pages, bytes) || !is_ours(block, 64))
            return not_listed;
        meta_unmap(pages, bytes);
    }
    return unused;
}

static size_t listed_bytes(void)
{
    static struct range ranges[MOST_RANGES];
    size_t bytes = 0, count = list(ranges);
    for (size_t i = 0; i < count; i++)
        bytes += ranges[i].hi - ranges[i].lo;
    return bytes;
}

START_TEST(test_threads)
{
    pthread_t threads[THREADS];
    size_t mapped = meta_mapped_bytes(), listed = listed_bytes(), blocks = (size_t)THREADS * ROUNDS * 64;
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, map_and_unmap, NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        void *complaint;
        pthread_join(threads[i], &complaint);
        ck_assert_msg(!complaint, "%s", (char *)complaint);
    }
    size_t grown = meta_mapped_bytes() - mapped; // the chunks of meta_alloc, nothing else
    ck_assert_uint_le(grown, blocks + 64 * KIB);
    ck_assert_uint_eq(listed_bytes() - listed, grown);
}
END_TEST

START_TEST(test_fork)
{
    meta_fork_prepare();
    pid_t child = fork();
    meta_fork_done();
    char *page = meta_map(PAGE_BYTES);
    bool works = page && is_ours(page, PAGE_BYTES) && meta_alloc(10);
    if (child == 0)
        _exit(works ? 42 : 1);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(works);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 42);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("meta");
    TCase *ranges = tcase_create("ranges"), *memory = tcase_create("memory"),
          *threads = tcase_create("threads");
    tcase_set_timeout(ranges, DEADLINE_S);
    tcase_set_timeout(memory, DEADLINE_S);
    tcase_set_timeout(threads, DEADLINE_S);
    tcase_add_test(ranges, test_steps);
    tcase_add_test(ranges, test_random_steps);
    tcase_add_test(ranges, test_full_table);
    tcase_add_test(ranges, test_list_without_room);
    tcase_add_test(memory, test_map);
    tcase_add_test(memory, test_unmapping_one_leaves_the_others);
    tcase_add_test(memory, test_reserve_and_commit);
    tcase_add_test(memory, test_alloc);
    tcase_add_test(memory, test_no_memory);
    tcase_add_test(threads, test_threads);
    tcase_add_test(threads, test_fork);
    suite_add_tcase(suite, ranges);
    suite_add_tcase(suite, memory);
    suite_add_tcase(suite, threads);
    return run_suite(suite);
}
