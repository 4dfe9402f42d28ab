// world/maps.h: lines of /proc/self/maps, as they are and as they should never be.
#include "world/maps.h"

#include "unit.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct {
    const char *line;
    struct mapping mapping;
} good[] = {
    {"00400000-00452000 r-xp 00000000 08:02 173521 /usr/bin/dbus-daemon", {0x400000, 0x452000, 5}},
    {"7ffc1c5f1000-7ffc1c612000 rw-p 00000000 00:00 0          [stack]", {0x7ffc1c5f1000, 0x7ffc1c612000, 3}},
    {"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]",
     {0xffffffffff600000, 0xffffffffff601000, 4}},
    {"1000-2000 ---p 00000000 00:00 0", {0x1000, 0x2000, 0}},
    {"1000-2000 rwxs 00000000 00:00 0", {0x1000, 0x2000, 15}},
    {"1000-2000 rw-s 00000000 00:01 7 /dev/shm/two\\012lines (deleted)", {0x1000, 0x2000, 11}},
    {"abcdef-abcdf0 r--p 0 0 0 1000-9000 rwxp", {0xabcdef, 0xabcdf0, 1}},
    {"0-ffffffffffffffff rw-p", {0, UINTPTR_MAX, 3}},
};

static const char *const bad[] = {
    "",
    " ",
    "-",
    "1000",
    "1000-",
    "1000-2000",
    "1000-2000 ",
    "1000-2000 rw-",
    "1000-2000rw-p 0",
    "-2000 rw-p 0",
    " 1000-2000 rw-p 0",
    "1000 2000 rw-p 0",
    "2000-1000 rw-p 0",
    "1000-1000 rw-p 0",
    "ABCD-ABCE rw-p 0",
    "0x1000-0x2000 rw-p 0",
    "1000--2000 rw-p 0",
    "10000000000000000-20000000000000000 rw-p 0",
    "1000-10000000000000000 rw-p 0",
    "Size:                 132 kB",
    "\xff\xfe\x80-\x81 rw-p",
};

enum { GOOD = sizeof good / sizeof good[0], BAD = sizeof bad / sizeof bad[0] };

START_TEST(test_good_line)
{
    const char *line = good[_i].line, *end;
    struct mapping m;
    ck_assert(maps_parse_line(line, line + strlen(line), &m, &end));
    ck_assert_ptr_eq(end, line + strlen(line));
    ck_assert_uint_eq(m.lo, good[_i].mapping.lo);
    ck_assert_uint_eq(m.hi, good[_i].mapping.hi);
    ck_assert_uint_eq(m.flags, good[_i].mapping.flags);
}
END_TEST

// Whatever a line is, the next one is found.
START_TEST(test_bad_line)
{
    char text[200];
    const char *end;
    struct mapping m;
    int length = snprintf(text, sizeof text, "%s\n1000-2000 rw-p 0", bad[_i]);
    ck_assert_msg(!maps_parse_line(text, text + length, &m, &end), "\"%s\" was taken for a mapping", bad[_i]);
    ck_assert_ptr_eq(end, text + strlen(bad[_i]) + 1);
    ck_assert(maps_parse_line(end, text + length, &m, &end));
    ck_assert_ptr_eq(end, text + length);
}
END_TEST

// Cut off anywhere, at the end of readable memory.
START_TEST(test_cut_off)
{
    static const char line[] = "7f0000001000-7f0000002000 r-xp 00000000 08:02 1 /lib/libc.so.6\n";
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(map != MAP_FAILED && mprotect(map + page, page, PROT_NONE) == 0);
    for (size_t length = 0; length < sizeof line; length++) {
        char *text = map + page - length;
        const char *end;
        struct mapping m;
        memcpy(text, line, length);
        ck_assert(maps_parse_line(text, text + length, &m, &end) ==
                  (length >= sizeof "7f0000001000-7f0000002000 r-xp" - 1));
        ck_assert_ptr_eq(end, text + length);
    }
}
END_TEST

START_TEST(test_whole_file)
{
    char line[8192], flags[5];
    FILE *maps = fopen("/proc/self/maps", "r");
    ck_assert_ptr_nonnull(maps);
    while (fgets(line, sizeof line, maps)) {
        const char *end;
        struct mapping m;
        uintptr_t lo, hi;
        ck_assert_int_eq(sscanf(line, "%lx-%lx %4s", &lo, &hi, flags), 3);
        ck_assert(maps_parse_line(line, line + strlen(line), &m, &end));
        ck_assert(m.lo == lo && m.hi == hi && *end == 0);
        ck_assert_uint_eq(
            m.flags, (flags[0] == 'r' ? MAPPING_READ : 0u) | (flags[1] == 'w' ? MAPPING_WRITE : 0u) |
                         (flags[2] == 'x' ? MAPPING_EXEC : 0u) | (flags[3] == 's' ? MAPPING_SHARED : 0u));
    }
    fclose(maps);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("maps");
    TCase *tcase = tcase_create("maps");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_good_line, 0, GOOD);
    tcase_add_loop_test(tcase, test_bad_line, 0, BAD);
    tcase_add_test(tcase, test_cut_off);
    tcase_add_test(tcase, test_whole_file);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
