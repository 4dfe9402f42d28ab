// heap/heap.h against a table of what should be there: patterns, other threads, odd addresses, and the sweep with marks
// made by hand.
#include "heap/heap.h"

#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BLOCKS = 2000, OPERATIONS = 60000, THREADS = 3, EXCHANGES = 20000, MAILBOXES = 256 };

static void first_use(void) { cache_self.state = CACHE_LIVE; }

static void *last_foreign;

static void free_foreign(void *p) { last_foreign = p; }

static void slow_alloc(void *p) { (void)p; }

static bool nothing_found(void) { return false; }

static void hidden_pointers(void) {}

struct heap_upcalls heap_upcalls = {.first_use = first_use,
                                    .free_foreign = free_foreign,
                                    .slow_alloc = slow_alloc,
                                    .hidden_pointers = hidden_pointers,
                                    .out_of_memory = nothing_found};

// ck_assert writes to a file even when all is well: too slow for the inner loops.
#define EXPECT(condition)                                 \
    do {                                                  \
        if (!(condition))                                 \
            ck_abort_msg("%s does not hold", #condition); \
    } while (0)

struct block {
    unsigned char *p;
    size_t n;
    unsigned char pattern;
};

static void release(void *p)
{
    if (!heap_free(p))
        heap_free_slow(p);
}

static void flush(void)
{
    crit_enter();
    cache_flush(&cache_self);
    crit_leave();
}

static void fill(struct block *b)
{
    b->pattern = (unsigned char)next_random();
    memset(b->p, b->pattern, b->n);
}

static void verify(const struct block *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (b->p[i] != b->pattern)
            ck_abort_msg("block of %zu bytes at %p: byte %zu has changed", b->n, (void *)b->p, i);
}

// Mostly small, now and then large.
static size_t random_size(void)
{
    uint64_t r = next_random();
    return r % 100 == 0 ? (r >> 8) % (400 * KIB) : r % 10 == 0 ? (r >> 8) % (SMALL_MAX + 1) : (r >> 8) % 300;
}

static struct block make(size_t n)
{
    bool zeroed = next_random() & 1;
    struct block b = {.p = heap_alloc_slow(n, zeroed, next_random() % 8 == 0), .n = n};
    EXPECT(b.p);
    EXPECT((uintptr_t)b.p % 16 == 0);
    EXPECT(heap_usable(b.p) >= n);
    if (zeroed)
        verify(&b, n);
    fill(&b);
    return b;
}

static void drop(struct block *b)
{
    verify(b, b->n);
    release(b->p);
    *b = (struct block){0};
}

static void resize(struct block *b)
{
    size_t n = random_size() + 1;
    unsigned char *moved = heap_realloc(b->p, n);
    EXPECT(moved);
    b->p = moved;
    verify(b, min_size(n, b->n));
    b->n = n;
    fill(b);
}

START_TEST(test_against_a_table)
{
    static struct block table[BLOCKS];
    for (int i = 0; i < OPERATIONS; i++) {
        struct block *b = &table[next_random() % BLOCKS];
        if (!b->p)
            *b = make(random_size());
        else if (next_random() % 3 == 0)
            resize(b);
        else
            drop(b);
    }
    for (int i = 0; i < BLOCKS; i++)
        if (table[i].p)
            drop(&table[i]);
    flush();
    heap_check();
    ck_assert_uint_eq(heap_live_bytes(), 0);
}
END_TEST

START_TEST(test_alignment)
{
    for (size_t alignment = 1; alignment <= 4 * MIB; alignment *= 2)
        for (int i = 0; i < 40; i++) {
            struct block b = {.n = random_size()};
            b.p = heap_alloc_aligned(b.n, alignment);
            ck_assert_ptr_nonnull(b.p);
            ck_assert_uint_eq((uintptr_t)b.p % alignment, 0);
            ck_assert_uint_ge(heap_usable(b.p), b.n);
            fill(&b);
            drop(&b);
        }
}
END_TEST

START_TEST(test_too_much)
{
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - PAGE_BYTES, SIZE_MAX / 2, 2 * TIB};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        ck_assert_ptr_null(heap_alloc_slow(sizes[i], false, false));
        ck_assert_ptr_null(heap_alloc_aligned(sizes[i], 64));
    }
    struct block b = make(100);
    ck_assert_ptr_null(heap_realloc(b.p, SIZE_MAX));
    drop(&b);
}
END_TEST

// Every address of a block, and the one just behind its end, lead to it; what may be used never changes.
START_TEST(test_find)
{
    for (size_t n = 0; n < 100 * KIB; n = n * 5 / 4 + 1) {
        struct block b = make(n);
        size_t usable = heap_usable(b.p);
        for (size_t at = 0; at <= n; at += n < 600 ? 1 : 97) {
            struct heap_block found = heap_find((uintptr_t)b.p + at);
            EXPECT(found.allocated && found.base == (uintptr_t)b.p && found.start == (at == 0));
            EXPECT(found.kind == (n <= SMALL_MAX ? HEAP_SMALL : HEAP_LARGE) && found.bytes > n);
        }
        struct block other = make(n);
        ck_assert_uint_eq(heap_usable(b.p), usable);
        ck_assert_uint_eq(heap_find((uintptr_t)b.p + n).base, (uintptr_t)b.p);
        drop(&other);
        drop(&b);
        flush();
        ck_assert(!heap_find((uintptr_t)b.p).allocated);
    }
}
END_TEST

START_TEST(test_foreign)
{
    int local;
    struct block b = make(1); // boots: from here on there is a cage
    void *const odd[] = {&local,
                         stdout,
                         (void *)1,
                         (void *)UINTPTR_MAX,
                         (void *)(cage.base - 1),
                         (void *)(cage.base + cage.bytes)};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        ck_assert(heap_find((uintptr_t)odd[i]).kind == HEAP_FOREIGN);
        ck_assert_uint_eq(heap_usable(odd[i]), 0);
        release(odd[i]);
        ck_assert_ptr_eq(last_foreign, odd[i]);
    }
    ck_assert(!heap_find(cage.base + cage.bytes - 1).allocated);
    ck_assert(!heap_find(cage_top()).allocated);
    heap_free_slow(NULL);
    drop(&b);
}
END_TEST

static int watch_stderr(void)
{
    int file = memfd_create("stderr", 0);
    ck_assert(file >= 0 && dup2(file, STDERR_FILENO) == STDERR_FILENO);
    return file;
}

static bool was_said(int file, const char *what)
{
    char text[4096] = {0};
    ck_assert_int_ge(pread(file, text, sizeof text - 1, 0), 0);
    return strstr(text, what);
}

START_TEST(test_double_free)
{
    static const size_t sizes[] = {24, 5000, 300 * KIB};
    int said = watch_stderr();
    size_t n = sizes[_i];
    struct block b = make(n);
    void *p = b.p;
    release(p);
    flush();
    size_t live = heap_live_bytes();
    ck_assert(!was_said(said, "free already"));
    heap_free_slow(p);
    ck_assert(was_said(said, "free already"));
    ck_assert_uint_eq(heap_live_bytes(), live);
}
END_TEST

START_TEST(test_double_free_in_a_row)
{
    int said = watch_stderr();
    struct block b = make(24);
    void *p = b.p;
    ck_assert(heap_free(p) && !heap_free(p));
    heap_free_slow(p);
    ck_assert(was_said(said, "free already"));
    flush();
    ck_assert_uint_eq(heap_live_bytes(), 0);
}
END_TEST

// Both frees go into the magazine; that they were two shows when it is given back.
START_TEST(test_double_free_in_a_magazine)
{
    int said = watch_stderr();
    struct block b = make(24), other = make(24);
    void *p = b.p;
    ck_assert(heap_free(p) && heap_free(other.p) && heap_free(p));
    flush();
    ck_assert(was_said(said, "free already"));
    ck_assert_uint_eq(heap_live_bytes(), 0);
}
END_TEST

START_TEST(test_free_of_an_interior_pointer)
{
    static const size_t sizes[] = {24, 5000, 300 * KIB};
    int said = watch_stderr();
    struct block b = make(sizes[_i]);
    release(b.p + 8);
    ck_assert(was_said(said, "points into a block"));
    ck_assert(heap_find((uintptr_t)b.p).allocated);
    drop(&b);
}
END_TEST

// --- threads ------------------------------------------------------------------------------------------------

static struct block *_Atomic mailboxes[MAILBOXES];

// Puts blocks of its own into mailboxes, and frees what somebody else had put there.
static void *exchange(void *number)
{
    random_state = (uintptr_t)number + 1;
    for (int i = 0; i < EXCHANGES; i++) {
        struct block b = make(next_random() % 50 == 0 ? random_size() : next_random() % 400 + sizeof b);
        b.n = max_size(b.n, sizeof b);
        if (heap_usable(b.p) < sizeof b) {
            release(b.p);
            continue;
        }
        memcpy(b.p, &b, sizeof b);
        struct block *old = atomic_exchange(&mailboxes[next_random() % MAILBOXES], (struct block *)b.p);
        if (!old)
            continue;
        struct block theirs = *old;
        EXPECT(theirs.p == (unsigned char *)old);
        memset(theirs.p, theirs.pattern, sizeof theirs);
        drop(&theirs);
    }
    crit_enter();
    cache_kill(&cache_self);
    crit_leave();
    return NULL;
}

START_TEST(test_freed_by_others)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, exchange, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < MAILBOXES; i++)
        if (mailboxes[i])
            release(mailboxes[i]);
    flush();
    heap_check();
    ck_assert_uint_eq(heap_live_bytes(), 0);
}
END_TEST

// --- the sweep ----------------------------------------------------------------------------------------------

static void mark(const void *p)
{
    struct heap_block b = heap_find((uintptr_t)p);
    ck_assert(b.allocated && b.start);
    unsigned slot = b.kind == HEAP_SMALL ? slot_of(&class_table[b.bin], b.base & (UNIT_BYTES - 1)) : 0;
    if (b.kind == HEAP_SMALL)
        atomic_fetch_or(&cage.words[cage_unit(b.base) * WORDS_PER_SPAN + slot / 64].mark, 1UL << slot % 64);
    else
        large_row(b.id)->mark = 1;
}

START_TEST(test_sweep)
{
    static struct block table[BLOCKS];
    const bool reclaim = _i;
    uint64_t kept = 0, kept_bytes = 0;
    for (int i = 0; i < BLOCKS; i++)
        table[i] = make(random_size());
    flush();
    for (int i = 0; i < BLOCKS; i++) {
        if (i % 3 == 0)
            mark(table[i].p);
        if (reclaim && i % 3)
            continue;
        kept++;
        kept_bytes += heap_find((uintptr_t)table[i].p).bytes;
    }
    heap_sweep_begin(reclaim, 0);
    struct block young_small = make(100), young_large = make(200 * KIB); // never in question
    flush();
    heap_sweep_all();
    heap_check();
    struct sweep_count count = heap_sweep_total();
    ck_assert_uint_eq(count.dead_blocks, BLOCKS - kept);
    ck_assert_uint_ge(count.live_blocks,
                      kept); // and the young ones, where their span was swept after they were made
    ck_assert_uint_eq(heap_live_bytes(), kept_bytes + heap_find((uintptr_t)young_small.p).bytes +
                                             heap_find((uintptr_t)young_large.p).bytes);
    for (int i = 0; i < BLOCKS; i++) {
        struct heap_block found = heap_find((uintptr_t)table[i].p);
        bool condemned = reclaim && i % 3;
        EXPECT(!condemned || !found.allocated || found.base == (uintptr_t)young_small.p);
        EXPECT(condemned || (found.allocated && found.start && found.bytes > table[i].n));
    }
    for (int i = 0; i < 10 * BLOCKS; i++) { // what was freed can be had again, and none of it is anybody's
        struct block b = make(random_size());
        if (i % 2)
            drop(&b);
    }
    for (int i = 0; i < BLOCKS; i++)
        if (!reclaim || i % 3 == 0)
            drop(&table[i]);
    drop(&young_small);
    drop(&young_large);
}
END_TEST

// Marks last for one sweep: what the next one finds unmarked goes.
START_TEST(test_sweep_clears_marks)
{
    struct block small = make(100), large = make(200 * KIB);
    flush();
    mark(small.p);
    mark(large.p);
    heap_sweep_begin(true, 0);
    heap_sweep_all();
    verify(&small, small.n);
    verify(&large, large.n);
    ck_assert(heap_find((uintptr_t)small.p).allocated && heap_find((uintptr_t)large.p).allocated);
    heap_sweep_begin(true, 0);
    heap_sweep_all();
    ck_assert(!heap_find((uintptr_t)small.p).allocated && !heap_find((uintptr_t)large.p).allocated);
    ck_assert_uint_eq(heap_live_bytes(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("heap");
    TCase *tcase = tcase_create("heap");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_against_a_table);
    tcase_add_test(tcase, test_alignment);
    tcase_add_test(tcase, test_too_much);
    tcase_add_test(tcase, test_find);
    tcase_add_test(tcase, test_foreign);
    tcase_add_loop_test(tcase, test_double_free, 0, 3);
    tcase_add_test(tcase, test_double_free_in_a_row);
    tcase_add_test(tcase, test_double_free_in_a_magazine);
    tcase_add_loop_test(tcase, test_free_of_an_interior_pointer, 0, 3);
    tcase_add_test(tcase, test_freed_by_others);
    tcase_add_loop_test(tcase, test_sweep, 0, 2);
    tcase_add_test(tcase, test_sweep_clears_marks);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
