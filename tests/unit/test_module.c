// leak/module.h and base/peek.h: modules are met once, and one that is closed while it is met is no module.
#include "leak/module.h"

#include "base/bits.h"
#include "base/peek.h"
#include "leak/elf.h"
#include "leak/site.h"
#include "sys/syscall.h"

#include "unit.h"
#include "upcalls.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

// --- a loader that is caught in the middle of dlclose ----------------------------------------------------------------

enum { PAGES = 4 };
static char *pages;                  // the last one is not mapped
static struct dl_find_object answer; // of the next questions
static unsigned questions, gone_at;  // 0: never
static void (*meanwhile)(void);      // between the first question and the second

// In front of the C library's.
int _dl_find_object(void *address, struct dl_find_object *found)
{
    questions++;
    if (questions == 2 && meanwhile)
        meanwhile();
    if ((uintptr_t)address - (uintptr_t)pages >= PAGES * PAGE_BYTES || (gone_at && questions >= gone_at))
        return -1;
    *found = answer;
    return 0;
}

static char *nowhere(void) { return pages + (PAGES - 1) * PAGE_BYTES; }

static struct link_map *map_in_pages(void) { return (struct link_map *)(pages + PAGE_BYTES); }

static void make_module(void)
{
    struct link_map *map = map_in_pages();
    map->l_addr = 4711;
    map->l_name = nowhere() - sizeof "/lib/plugin.so"; // what lies behind it is not there
    strcpy(map->l_name, "/lib/plugin.so");
    answer = (struct dl_find_object){
        .dlfo_map_start = pages, .dlfo_map_end = nowhere(), .dlfo_link_map = map, .dlfo_eh_frame = pages};
}

static void setup(void)
{
    pages = sys_mmap(NULL, PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sys_munmap(nowhere(), PAGE_BYTES);
    make_module();
    ck_assert(sites_boot());
    questions = 0;
}

static uint16_t meet(void)
{
    questions = 0;
    return module_of_locked((uintptr_t)pages + 16);
}

START_TEST(test_met_once)
{
    uint16_t index = meet();
    ck_assert_uint_eq(index, 1);
    ck_assert_str_eq(module_get(index)->path, "/lib/plugin.so");
    ck_assert_uint_eq(module_get(index)->base, 4711);
    ck_assert_uint_eq(meet(), index);
    ck_assert_uint_eq(modules_end(), 2);
}
END_TEST

// Another one at the same place, of which nobody told that it has come: the C library closes what it opened by itself.
START_TEST(test_another_in_its_place)
{
    ck_assert_uint_eq(meet(), 1);
    answer.dlfo_eh_frame = pages + 8;
    ck_assert_uint_eq(meet(), 2);
    ck_assert_uint_eq(meet(), 2);
    ck_assert(modules_check_locked());
    ck_assert(module_get(1)->gone && !module_get(2)->gone);
}
END_TEST

static void its_record_goes(void) { answer.dlfo_link_map = (void *)nowhere(); }
static void its_name_goes(void) { map_in_pages()->l_name = nowhere(); }
static void it_loses_its_end(void) { memset(nowhere() - PAGE_BYTES, 'x', PAGE_BYTES); }
static void its_head_goes(void) { answer.dlfo_map_start = nowhere(); }
static void nothing(void) {}

static const struct {
    void (*before)(void), (*meanwhile)(void);
    unsigned gone_at;
} closing[] = {
    {its_record_goes, NULL, 0},    {its_name_goes, NULL, 0}, {it_loses_its_end, NULL, 0},
    {its_head_goes, NULL, 0},      {nothing, NULL, 1},       {nothing, NULL, 2},
    {nothing, its_record_goes, 0},
};

START_TEST(test_closed_while_it_is_met)
{
    closing[_i].before();
    meanwhile = closing[_i].meanwhile;
    gone_at = closing[_i].gone_at;
    ck_assert_uint_eq(meet(), 0);
    ck_assert_uint_eq(modules_end(), 1);
    meanwhile = NULL;
    gone_at = 0;
    make_module();
    ck_assert_uint_eq(meet(), 1);
}
END_TEST

// --- peek ------------------------------------------------------------------------------------------------------------

START_TEST(test_peek)
{
    char out[64] = "";
    errno = 77;
    ck_assert(peek(out, nowhere() - 15, 15));
    ck_assert_str_eq(out, "/lib/plugin.so");
    ck_assert(!peek(out, nowhere() - 15, 16) && !peek(out, nowhere(), 1) && !peek(out, NULL, 8));
    ck_assert(peek(out, nowhere(), 0));
    ck_assert_int_eq(errno, 77);
    peek_plainly();
    memset(out, 0, sizeof out);
    ck_assert(peek(out, nowhere() - 15, 15));
    ck_assert_str_eq(out, "/lib/plugin.so");
}
END_TEST

// Over a page's end, and not beyond the room.
START_TEST(test_peek_text)
{
    char out[64], *seam = pages + PAGE_BYTES - 3;
    strcpy(seam, "a seam");
    ck_assert(peek_text(out, seam, sizeof out));
    ck_assert_str_eq(out, "a seam");
    ck_assert(peek_text(out, seam, sizeof "a seam"));
    ck_assert(!peek_text(out, seam, sizeof "a seam" - 1));
    ck_assert(!peek_text(out, nowhere(), sizeof out));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("module");
    TCase *tests = tcase_create("module");
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, test_met_once);
    tcase_add_test(tests, test_another_in_its_place);
    tcase_add_loop_test(tests, test_closed_while_it_is_met, 0, sizeof closing / sizeof closing[0]);
    tcase_add_test(tests, test_peek);
    tcase_add_test(tests, test_peek_text);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
