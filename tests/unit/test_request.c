// ctl/request.h: what is a request to the control socket, and what is said about anything else.
#include "ctl/request.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

static struct request request;
static char complaint[REQUEST_COMPLAINT_BYTES];

static bool take(const char *line) { return request_parse(line, strlen(line), &request, complaint); }

START_TEST(test_each_command)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        const struct command_help *help = &request_commands[i];
        bool needs_more = *help->arguments && *help->arguments != '[';
        ck_assert_int_eq(take(help->word), !needs_more);
        ck_assert_uint_eq(request.command, i);
        if (needs_more)
            ck_assert_ptr_nonnull(strstr(complaint, help->arguments));
    }
}
END_TEST

static const struct {
    const char *line;
    enum command command;
    uint64_t number;
    const char *name, *value;
} good[] = {
    {"  stats  ", COMMAND_STATS, 0, "", ""},
    {"leaks 7", COMMAND_LEAKS, 7, "", ""},
    {"sites 0x10", COMMAND_SITES, 16, "", ""},
    {"stacks", COMMAND_STACKS, 0, "", ""},
    {"stacks 4711", COMMAND_STACKS, 4711, "", ""},
    {"who 0xffffffffffffffff", COMMAND_WHO, UINT64_MAX, "", ""},
    {"who 18446744073709551615", COMMAND_WHO, UINT64_MAX, "", ""},
    {"who site:17", COMMAND_WHO, 17, "", ""},
    {"retained", COMMAND_RETAINED, 0, "", ""},
    {"mark before-1.2_x", COMMAND_MARK, 0, "before-1.2_x", ""},
    {"set GOGC=50", COMMAND_SET, 0, "gogc", "50"},
    {"set period 10s", COMMAND_SET, 0, "period", "10s"},
    {"set a=b=c", COMMAND_SET, 0, "a", "b=c"},
};

START_TEST(test_good)
{
    ck_assert(take(good[_i].line));
    ck_assert_uint_eq(request.command, good[_i].command);
    ck_assert_uint_eq(request.number, good[_i].number);
    ck_assert_str_eq(request.name, good[_i].name);
    ck_assert_str_eq(request.value, good[_i].value);
}
END_TEST

static const char *const bad[] = {
    "",           " ",          "nothing",     "GC",
    "stats 1",    "leaks 0",    "leaks -1",    "who",
    "who 0x",     "who 0X10",   "who 12a",     "who 18446744073709551616",
    "who site:",  "who site:x", "who site:1x", "who Site:1",
    "retained 0", "mark",       "mark a/b",    "mark a b",
    "set",        "set gogc",   "set gogc=",   "set =50",
    "set a b c",  "st\tats",    "stats\r",     "diff \xc3\xa4",
};

START_TEST(test_bad)
{
    ck_assert(!take(bad[_i]));
    ck_assert_uint_gt(strlen(complaint), 10);
}
END_TEST

START_TEST(test_long_words)
{
    char line[REQUEST_WORD_MOST + 7] = "mark ";
    memset(line + 5, 'a', REQUEST_WORD_MOST + 1);
    ck_assert(request_parse(line, 5 + REQUEST_WORD_MOST, &request, complaint));
    ck_assert_uint_eq(strlen(request.name), REQUEST_WORD_MOST);
    ck_assert(!request_parse(line, 6 + REQUEST_WORD_MOST, &request, complaint));
    ck_assert(!request_parse("stats\0x", 7, &request, complaint));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("request");
    TCase *lines = tcase_create("lines");
    tcase_add_test(lines, test_each_command);
    tcase_add_loop_test(lines, test_good, 0, sizeof good / sizeof good[0]);
    tcase_add_loop_test(lines, test_bad, 0, sizeof bad / sizeof bad[0]);
    tcase_add_test(lines, test_long_words);
    suite_add_tcase(suite, lines);
    return run_suite(suite);
}
