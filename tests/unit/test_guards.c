// heap/guards.h against a table of pages.
#include "heap/guards.h"

#include "base/bits.h"

#include "unit.h"
#include "upcalls.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGES = 300, CHANGES = 4000 };

static const int accesses[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE,
                               PROT_READ | PROT_WRITE | PROT_EXEC};
static int model[PAGES];
static uintptr_t area;
static char seen[PAGES];

static void setup(void)
{
    area = (uintptr_t)mmap(NULL, PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                           0);
    for (int i = 0; i < PAGES; i++)
        model[i] = PROT_READ | PROT_WRITE;
}

static void note(size_t from, size_t to, int prot)
{
    ck_assert(guards_note(area + from * PAGE_BYTES, area + to * PAGE_BYTES, prot));
    for (size_t i = from; i < to; i++)
        model[i] = prot;
}

static void visit(uintptr_t lo, uintptr_t hi, bool readable)
{
    for (; lo < hi; lo += PAGE_BYTES) {
        ck_assert_int_eq(seen[(lo - area) / PAGE_BYTES], 0);
        seen[(lo - area) / PAGE_BYTES] = readable ? 'r' : '-';
    }
}

static void compare(void)
{
    memset(seen, 0, sizeof seen);
    guards_each(visit);
    for (size_t i = 0; i < PAGES; i++) {
        int both = PROT_READ | PROT_WRITE;
        char wanted = (model[i] & both) == both ? 0 : model[i] & PROT_READ ? 'r' : '-';
        ck_assert_int_eq(seen[i], wanted);
    }
}

// What may be read of [from, to), byte by byte of the pages' first half.
static void compare_readable(size_t from, size_t to)
{
    uintptr_t at = area + from * PAGE_BYTES + 16, end = area + to * PAGE_BYTES - 16, part_end;
    char readable[PAGES] = {0};
    for (; guards_next_readable(&at, end, &part_end); at = part_end) {
        ck_assert_uint_lt(at, part_end);
        for (uintptr_t page = align_down(at, PAGE_BYTES); page < part_end; page += PAGE_BYTES)
            readable[(page - area) / PAGE_BYTES] = 1;
    }
    for (size_t i = from; i < to; i++)
        ck_assert_int_eq(readable[i], !!(model[i] & PROT_READ));
}

static void compare_touch(size_t from, size_t to)
{
    bool any = false;
    for (size_t i = from; i < to; i++)
        any |= (model[i] & (PROT_READ | PROT_WRITE)) != (PROT_READ | PROT_WRITE);
    ck_assert(guards_touch(area + from * PAGE_BYTES + 16, area + to * PAGE_BYTES - 16) == any);
}

START_TEST(the_table_says_what_was_noted)
{
    for (int i = 0; i < CHANGES; i++) {
        size_t from = next_random() % PAGES, to = from + 1 + next_random() % min_size(PAGES - from, 20);
        note(from, to, accesses[next_random() % 4]);
        if (i % 20 == 0)
            compare();
        from = next_random() % PAGES;
        to = from + 1 + next_random() % (PAGES - from);
        compare_readable(from, to);
        compare_touch(from, min_size(to, from + 3));
    }
}
END_TEST

START_TEST(lifting_gives_access_back)
{
    note(10, 20, PROT_NONE);
    note(25, 30, PROT_READ);
    ck_assert_int_eq(mprotect((void *)(area + 10 * PAGE_BYTES), 10 * PAGE_BYTES, PROT_NONE), 0);
    ck_assert_int_eq(mprotect((void *)(area + 25 * PAGE_BYTES), 5 * PAGE_BYTES, PROT_READ), 0);
    guards_lift(area + 5 * PAGE_BYTES, area + 28 * PAGE_BYTES);
    for (size_t i = 5; i < 28; i++)
        model[i] = PROT_READ | PROT_WRITE;
    memset((void *)(area + 5 * PAGE_BYTES), 1, 23 * PAGE_BYTES);
    compare();
}
END_TEST

static bool can_be_written(size_t page)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    bool done = read(fds[0], (void *)(area + page * PAGE_BYTES), 1) == 1;
    close(fds[0]);
    close(fds[1]);
    return done;
}

// The mprotect barrier's own protection stays (world/barrier_mprotect.c, V1).
START_TEST(lifting_leaves_what_others_protected)
{
    note(10, 12, PROT_NONE);
    note(15, 16, PROT_READ);
    ck_assert_int_eq(mprotect((void *)(area + 5 * PAGE_BYTES), 20 * PAGE_BYTES, PROT_READ), 0);
    ck_assert_int_eq(mprotect((void *)(area + 10 * PAGE_BYTES), 2 * PAGE_BYTES, PROT_NONE), 0);
    guards_lift(area + 5 * PAGE_BYTES, area + 25 * PAGE_BYTES);
    for (size_t page = 5; page < 25; page++)
        ck_assert(can_be_written(page) == (page == 10 || page == 11 || page == 15));
}
END_TEST

START_TEST(nothing_is_kept_where_nothing_is_protected)
{
    note(0, PAGES, PROT_READ | PROT_WRITE);
    ck_assert(!atomic_load(&guards_some));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("guards");
    TCase *tcase = tcase_create("guards");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, the_table_says_what_was_noted);
    tcase_add_test(tcase, lifting_gives_access_back);
    tcase_add_test(tcase, lifting_leaves_what_others_protected);
    tcase_add_test(tcase, nothing_is_kept_where_nothing_is_protected);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
