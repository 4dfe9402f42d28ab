// base/log.h: the formatter against snprintf, lines, and fatal().
#include "base/log.h"

#include "unit.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t of_any_magnitude(void)
{
    uint64_t number = next_random();
    return number >> (number % 64);
}

// --- against snprintf -------------------------------------------------------------------------------------------

#define check_same(...)                                              \
    do {                                                             \
        char ours[300], theirs[300];                                 \
        size_t length = format_text(ours, sizeof ours, __VA_ARGS__); \
        int expected = snprintf(theirs, sizeof theirs, __VA_ARGS__); \
        ck_assert_str_eq(ours, theirs);                              \
        ck_assert_uint_eq(length, (size_t)expected);                 \
    } while (0)

START_TEST(test_words)
{
    check_same("plain");
    check_same("100%% of %s", "it");
    check_same("%s", "");
    check_same("[%7s][%3s][%1s]", "abc", "abc", "abc");
    check_same("%s%s%s", "a", "b", "c");
    check_same("%c%c", 'x', 'y');
    check_same("%p %p", (void *)0x1234, (void *)UINTPTR_MAX);
    check_same("%s %d %c %lu", "several", -1, '!', 7ul);
}
END_TEST

START_TEST(test_null_string)
{
    char text[20];
    const char *volatile nothing = NULL;
    ck_assert_uint_eq(format_text(text, sizeof text, "<%s>", nothing), 8);
    ck_assert_str_eq(text, "<(null)>");
}
END_TEST

// clang-format off
static const long edges[] = {
    0, 1, -1, 9, 10, -10, 99, 100, 12345, -1234567890, 999999999, 1000000000, SCHAR_MAX, SHRT_MIN,
    INT_MAX, INT_MIN, (long)UINT_MAX, 1L << 32, LONG_MAX, LONG_MIN,
};
// clang-format on

static void check_integer(long n)
{
    check_same("%d %u %x", (int)n, (unsigned)n, (unsigned)n);
    check_same("%ld %lu %lx %zu", n, (unsigned long)n, (unsigned long)n, (size_t)n);
    check_same("[%12d][%3d][%1d]", (int)n, (int)n, (int)n);
    check_same("[%24ld][%24lu][%24lx]", n, (unsigned long)n, (unsigned long)n);
    check_same("[%012u][%03u][%016lx][%024lu]", (unsigned)n, (unsigned)n, (unsigned long)n, (unsigned long)n);
}

START_TEST(test_integers_at_the_edges)
{
    check_integer(edges[_i]);
}
END_TEST

START_TEST(test_random_integers)
{
    for (int i = 0; i < 20000; i++) {
        long n = (long)of_any_magnitude();
        check_integer(i % 2 ? n : -n);
    }
}
END_TEST

START_TEST(test_zero_padded_negatives)
{
    check_same("[%05d][%03d][%02d][%01d]", -42, -42, -42, -42);
    check_same("[%012d][%024ld][%012d]", INT_MIN, LONG_MIN, 42);
}
END_TEST

// --- fractions --------------------------------------------------------------------------------------------------

START_TEST(test_fractions)
{
    check_same("%.0f %.1f %.2f %.3f", 0.0, 0.0, 0.0, 0.0);
    check_same("%.1f %.1f %.1f %.1f", 0.04, 0.06, 0.96, 9.96);
    check_same("%.3f %.3f %.3f", 1.0005001, 0.0004, 123456.7891);
    check_same("%.2f %.2f %.0f", 0.009, 99.999, 99.7);
    check_same("%.1f%%", 33.34);
    check_same("%f", 3.25);
}
END_TEST

// Rounding of a tie is the one thing in which we may differ: the last digit is at most half a unit off.
START_TEST(test_random_fractions)
{
    for (int i = 0; i < 20000; i++) {
        char format[] = "%.?f", text[64];
        int digits = i % 7;
        double value = (double)(of_any_magnitude() >> 24) / 1024.0, unit = pow(10, -digits);
        format[2] = (char)('0' + digits);
        format_text(text, sizeof text, format, value);
        const char *point = strchr(text, '.');
        ck_assert_int_eq(point ? (int)strlen(point + 1) : 0, digits);
        ck_assert_msg(fabs(strtod(text, NULL) - value) <= unit * 0.5 + value * 4 * DBL_EPSILON, "%.10f as %s",
                      value, text);
    }
}
END_TEST

START_TEST(test_what_is_no_number)
{
    char text[20];
    format_text(text, sizeof text, "%.1f", (double)NAN);
    ck_assert_str_eq(text, "0.0");
}
END_TEST

// --- room -------------------------------------------------------------------------------------------------------

START_TEST(test_room)
{
    for (size_t room = 0; room <= 20; room++) {
        char ours[32], theirs[32];
        memset(ours, '#', sizeof ours);
        memset(theirs, '#', sizeof theirs);
        size_t needed = format_text(ours, room, "%s-%d-%03x", "text", 1234, 10u);
        ck_assert_uint_eq(needed, (size_t)snprintf(theirs, room, "%s-%d-%03x", "text", 1234, 10u));
        ck_assert_mem_eq(ours, theirs, sizeof ours);
    }
}
END_TEST

// --- lines ------------------------------------------------------------------------------------------------------

static void (*to_stderr)(const char *line, size_t bytes); // as the process found it
static char written[4 * LOG_LINE_BYTES];
static size_t written_bytes, lines;

static void keep(const char *line, size_t bytes)
{
    ck_assert_uint_lt(bytes, sizeof written);
    memcpy(written, line, bytes);
    written[bytes] = 0;
    written_bytes = bytes;
    lines++;
}

START_TEST(test_lines)
{
    char expected[64];
    log_writer = keep;
    log_line("%d and %s", 1, "two");
    snprintf(expected, sizeof expected, "gcpre[%d]: 1 and two\n", (int)getpid());
    ck_assert_str_eq(written, expected);
    log_raw("%d and %s", 3, "four");
    ck_assert_str_eq(written, "3 and four\n");
    log_raw("%s", "");
    ck_assert_str_eq(written, "\n");
    ck_assert_uint_eq(lines, 3);
}
END_TEST

START_TEST(test_long_lines_are_cut)
{
    char text[2 * LOG_LINE_BYTES + 1];
    log_writer = keep;
    for (size_t length = LOG_LINE_BYTES - 40; length < sizeof text; length++) {
        memset(text, 'x', length);
        text[length] = 0;
        for (int prefixed = 0; prefixed < 2; prefixed++) {
            (prefixed ? log_line : log_raw)("%s", text);
            const char *body = prefixed ? strstr(written, ": ") + 2 : written;
            size_t body_bytes = written_bytes - (size_t)(body - written) - 1;
            ck_assert_uint_le(written_bytes, LOG_LINE_BYTES);
            ck_assert_int_eq(written[written_bytes - 1], '\n');
            ck_assert_uint_eq(strspn(body, "x"), body_bytes);
            ck_assert(body_bytes == length || written_bytes >= LOG_LINE_BYTES - 1); // not cut without need
        }
    }
}
END_TEST

// --- the end ----------------------------------------------------------------------------------------------------

static void die(void) { fatal("%s %d", "reason", 7); }

static void die_although_blocked(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGABRT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    die();
}

static void die_although_ignored(void)
{
    signal(SIGABRT, SIG_IGN);
    die();
}

static void die_of_a_check(void)
{
    debug_check(getpid() > 0);
    debug_check(getpid() < 0);
}

static const struct {
    void (*work)(void);
    const char *said;
} deaths[] = {
    {die, ": reason 7\n"},
    {die_although_blocked, ": reason 7\n"},
    {die_although_ignored, ": reason 7\n"},
    {die_of_a_check, ": getpid() < 0 does not hold\n"},
};

START_TEST(test_fatal)
{
    int ends[2], status;
    char text[LOG_LINE_BYTES + 1], prefix[32];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 2);
        log_writer = to_stderr;
        deaths[_i].work();
        _exit(0);
    }
    close(ends[1]);
    ssize_t bytes = read(ends[0], text, LOG_LINE_BYTES);
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGABRT);
    ck_assert_int_gt(bytes, 0);
    text[bytes] = 0;
    snprintf(prefix, sizeof prefix, "gcpre[%d]: ", (int)child);
    ck_assert_mem_eq(text, prefix, strlen(prefix));
    ck_assert_msg(strstr(text, deaths[_i].said) != NULL, "%s", text);
}
END_TEST

int main(void)
{
    to_stderr = log_writer;
    Suite *suite = suite_create("log");
    TCase *format = tcase_create("format"), *line = tcase_create("line"), *end = tcase_create("fatal");
    tcase_add_test(format, test_words);
    tcase_add_test(format, test_null_string);
    tcase_add_loop_test(format, test_integers_at_the_edges, 0, sizeof edges / sizeof edges[0]);
    tcase_add_test(format, test_random_integers);
    tcase_add_test(format, test_zero_padded_negatives);
    tcase_add_test(format, test_fractions);
    tcase_add_test(format, test_random_fractions);
    tcase_add_test(format, test_what_is_no_number);
    tcase_add_test(format, test_room);
    tcase_add_test(line, test_lines);
    tcase_add_test(line, test_long_lines_are_cut);
    tcase_add_loop_test(end, test_fatal, 0, sizeof deaths / sizeof deaths[0]);
    suite_add_tcase(suite, format);
    suite_add_tcase(suite, line);
    suite_add_tcase(suite, end);
    return run_suite(suite);
}
