// leak/suppress.h: patterns as LeakSanitizer takes them, sources good and bad, what is said about them, and what is counted.
#include "leak/suppress.h"

#include "unit.h"

#include "base/log.h"
#include "base/meta.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char folder[] = "/tmp/test_suppress.XXXXXX"; // made for each test
static char file[100];
static char said[16 * LOG_LINE_BYTES];
static size_t lines;

static void keep(const char *line, size_t bytes)
{
    size_t held = strlen(said);
    ck_assert_uint_lt(held + bytes, sizeof said);
    for (size_t i = 0; i + 1 < bytes; i++)
        ck_assert_msg((unsigned char)line[i] >= ' ' && line[i] != 0x7f, "%.*s", (int)bytes, line);
    ck_assert_int_eq(line[bytes - 1], '\n');
    memcpy(said + held, line, bytes);
    said[held + bytes] = 0;
    lines++;
}

static void begin(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/file", folder);
    log_writer = keep;
}

static void end(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static int add(const char *text) { return suppress_add_text("text", text, strlen(text)); }

static void write_file(const char *data, size_t bytes)
{
    FILE *f = fopen(file, "w");
    ck_assert(f && fwrite(data, 1, bytes, f) == bytes && fclose(f) == 0);
}

// The patterns there are, with bars between them.
static void check_patterns(const char *expected)
{
    char all[4 * 1024] = "";
    for (const struct suppression *s = suppress_first(); s; s = s->next)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", *all ? "|" : "", s->pattern);
    ck_assert_str_eq(all, expected);
}

static void check_said(const char *expected)
{
    char line[2 * LOG_LINE_BYTES];
    snprintf(line, sizeof line, "gcpre[%d]: %s\n", (int)getpid(), expected);
    ck_assert_str_eq(said, line);
}

// --- matching -------------------------------------------------------------------------------------------------------

// Each answer is the one that TemplateMatch of LLVM 14 gave.
static const struct {
    const char *pattern, *text;
    bool matches;
} table[] = {
    {"foo", "foo", true},
    {"foo", "a foo b", true},
    {"foo", "fo", false},
    {"foo", "Foo", false},
    {"foo", "fofoo", true},
    {"*foo", "barfoo", true},
    {"foo*", "foobar", true},
    {"foo*", "foo", true},
    {"*foo*", "foo", true},
    {"f*o", "foo", true},
    {"f*o", "fx", false},
    {"f*o", "of", false},
    {"a*b*c", "xaybzcw", true},
    {"a*b*c", "acb", false},
    {"a*a", "a", false},
    {"a**b", "ab", true},
    {"*", "x", true},
    {"**", "x", true},
    {"^foo", "foobar", true},
    {"^foo", "xfoo", false},
    {"^foo", "xfoofoo", false},
    {"^*foo", "xfoo", true},
    {"*^foo", "foo", false},
    {"*^foo", "x^foo", true},
    {"a^b", "a^b", true},
    {"^^a", "^a", true},
    {"^^a", "a", false},
    {"foo$", "foo", true},
    {"foo$", "xfoo", true},
    {"foo$", "foox", false},
    {"foo$", "foofoo", false}, // the first place is the only one tried
    {"*foo$", "foofoo", false},
    {"foo*$", "foobar", true},
    {"^foo$", "foo", true},
    {"^foo$", "foofoo", false},
    {"^f*o$", "foo", false}, // likewise
    {"^f*o$", "fxo", true},
    {"foo$bar", "foo", true}, // what follows does not count
    {"foo$bar", "foobar", false},
    {"foo$*", "foox", false},
    {"$", "x", false},
    {"^$", "x", false},
    {"*$", "x", true},
    {"$foo", "foo", false},
    {"^", "x", true},
    {"", "x", true},
    {"", "", false},
    {"*", "", false},
    {"^", "", false},
    {"$", "", false},
    {"^$", "", false},
    {"foo", "", false},
    {"foo bar", "a foo bar", true},
    {"operator*", "operator+", true},
    {"?", "x", false},
    {"?", "x?", true},
    {"[ab]", "a", false},
    {"\\*", "*", false},
    {"\\*", "\\x", true},
    {"\xc3\xa9", "caf\xc3\xa9", true},
};

START_TEST(test_table)
{
    const char *pattern = table[_i].pattern, *text = table[_i].text;
    ck_assert_msg(suppress_pattern_matches(pattern, text) == table[_i].matches, "\"%s\" on \"%s\"", pattern,
                  text);
}
END_TEST

START_TEST(test_nothing_matches_null)
{
    ck_assert(!suppress_pattern_matches("*", NULL));
    ck_assert_ptr_null(suppress_match("anything"));
    ck_assert_int_eq(add("leak:*\n"), 0);
    ck_assert_ptr_null(suppress_match(NULL));
    ck_assert_ptr_null(suppress_match(""));
    ck_assert_ptr_nonnull(suppress_match("anything"));
}
END_TEST

// Names of any length against patterns that nearly match everywhere.
START_TEST(test_long_text)
{
    static char text[1 << 20], pattern[SUPPRESS_PATTERN_MOST + 1];
    memset(text, 'a', sizeof text - 1);
    for (size_t i = 0; i < SUPPRESS_PATTERN_MOST; i++)
        pattern[i] = i % 2 ? '*' : 'a';
    ck_assert(suppress_pattern_matches(pattern, text));
    pattern[SUPPRESS_PATTERN_MOST - 2] = 'b';
    ck_assert(!suppress_pattern_matches(pattern, text));
    memset(pattern, 'a', SUPPRESS_PATTERN_MOST);
    ck_assert(suppress_pattern_matches(pattern, text));
    pattern[SUPPRESS_PATTERN_MOST - 1] = 'b';
    ck_assert(!suppress_pattern_matches(pattern, text));
}
END_TEST

// --- lines ----------------------------------------------------------------------------------------------------------

static const struct {
    const char *text, *patterns;
} good[] = {
    {"", ""},
    {"\n", ""},
    {"\n\n \t \n\r\n", ""},
    {"leak:foo\n", "foo"},
    {"leak:foo", "foo"},
    {"leak:a\nleak:b\n", "a|b"},
    {"leak:a\nleak:b", "a|b"},
    {"leak:a\r\nleak:b\r\n", "a|b"},
    {"leak:a\r\n\r\n# comment\r\nleak:b\r", "a|b"},
    {"  \tleak:a \t\r\n", "a"},
    {"# leak:a\nleak:b # not a comment\n", "b # not a comment"},
    {"  # a comment\nleak:b\n", "b"},
    {"#\n#", ""},
    {"leak: a\n", " a"},
    {"leak:\n", ""},
    {"leak:^std::vector<int, *>::f$\n", "^std::vector<int, *>::f$"},
    {"leak:leak:a\n", "leak:a"},
    {"leak:a\nleak:a\n", "a|a"},
    {"leak:\xc3\xa9\n", "\xc3\xa9"},
};

START_TEST(test_good_text)
{
    ck_assert_int_eq(add(good[_i].text), 0);
    check_patterns(good[_i].patterns);
    ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(test_good_file)
{
    write_file(good[_i].text, strlen(good[_i].text));
    ck_assert_int_eq(suppress_read_file(file), 0);
    check_patterns(good[_i].patterns);
    ck_assert_str_eq(said, "");
}
END_TEST

static const char *const bad[] = {
    "foo",     "leak", "Leak:foo",  "leak :foo",  "race:foo", "interceptor_via_fun:foo",
    "{",       ":",    "leaks:foo", "fun:malloc", "leak;foo", "\xef\xbb\xbfleak:foo",
    "$leak:a",
};

// One line that says where, and the lines around it count.
START_TEST(test_bad_line)
{
    char text[200], expected[200];
    snprintf(text, sizeof text, "leak:before\n\n  %s \r\nleak:behind\n", bad[_i]);
    ck_assert_int_eq(add(text), 0);
    check_patterns("before|behind");
    snprintf(expected, sizeof expected,
             "text:3: expected leak:PATTERN or # and a comment, found \"%s\": ignored", bad[_i]);
    check_said(expected);
}
END_TEST

START_TEST(test_shown_text)
{
    static const char odd[] = "a\0b\x1b[31m\x7f\n";
    ck_assert_int_eq(suppress_add_text("text", odd, sizeof odd - 1), 0);
    check_said("text:1: expected leak:PATTERN or # and a comment, found \"a?b?[31m?\": ignored");
    said[0] = 0;
    ck_assert_int_eq(suppress_add_text("text", "leak:a\0b\nleak:c", 15), 0); // a zero ends no pattern unseen
    check_said("text:1: expected leak:PATTERN or # and a comment, found \"leak:a?b\": ignored");
    check_patterns("c");
    said[0] = 0;
    ck_assert_int_eq(
        add("a line that is much longer than what the log shows of it, however interesting its end may be\n"),
        0);
    check_said("text:1: expected leak:PATTERN or # and a comment, found "
               "\"a line that is much longer than what the log shows of it, ho...\": ignored");
}
END_TEST

START_TEST(test_long_lines)
{
    static char text[3 * SUPPRESS_PATTERN_MOST];
    for (int longer = 0; longer < 2; longer++) {
        suppress_forget();
        size_t bytes = (size_t)sprintf(text, "leak:%0*d\nleak:next\n", SUPPRESS_PATTERN_MOST + longer, 7);
        ck_assert_int_eq(suppress_add_text("text", text, bytes), 0);
        ck_assert_uint_eq(strlen(suppress_first()->pattern), longer ? strlen("next") : SUPPRESS_PATTERN_MOST);
        ck_assert_uint_eq(lines, longer);
    }
    check_said("text:1: expected a pattern of at most 1024 bytes, found "
               "\"leak:0000000000000000000000000000000000000000000000000000000...\": ignored");
    memset(text, '#', sizeof text); // a comment may be as long as it likes
    ck_assert_int_eq(suppress_add_text("text", text, sizeof text), 0);
    ck_assert_uint_eq(lines, 1);
}
END_TEST

// A file of something else does not flood the log.
START_TEST(test_many_bad_lines)
{
    char text[1000] = "";
    for (int i = 0; i < 50; i++)
        strcat(text, i == 40 ? "leak:this\n" : "other\n");
    ck_assert_int_eq(add(text), 0);
    check_patterns("this");
    ck_assert_uint_eq(lines, 11);
    ck_assert_ptr_nonnull(strstr(said, "text:10: "));
    ck_assert_ptr_null(strstr(said, "text:11: "));
    ck_assert_ptr_nonnull(strstr(said, "text: 39 more such lines: ignored\n"));
}
END_TEST

// --- sources --------------------------------------------------------------------------------------------------------

START_TEST(test_sources_add_up)
{
    write_file("leak:b\nleak:c", 13);
    ck_assert_int_eq(add("leak:a"), 0);
    ck_assert_int_eq(suppress_read_file(file), 0);
    ck_assert_int_ne(suppress_read_file("/nonexistent/file"), 0);
    ck_assert_int_eq(add("leak:d\n"), 0);
    check_patterns("a|b|c|d");
    suppress_forget();
    check_patterns("");
    ck_assert_int_eq(add("leak:e"), 0);
    check_patterns("e");
}
END_TEST

START_TEST(test_texts_are_copied)
{
    char text[] = "leak:mine\n";
    ck_assert_int_eq(add(text), 0);
    memset(text, 'x', sizeof text);
    check_patterns("mine");
    static const char constant[] = "leak:a \nleak:b"; // and never written to
    ck_assert_int_eq(add(constant), 0);
    check_patterns("mine|a|b");
}
END_TEST

START_TEST(test_unreadable)
{
    char fifo[100], expected[300];
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    const struct {
        const char *path;
        int error;
    } cases[] = {{"/nonexistent/file", ENOENT}, {"", ENOENT},           {folder, EISDIR}, {fifo, EINVAL},
                 {"/etc/passwd/x", ENOTDIR},    {"/proc/self/mem", EIO}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        said[0] = 0;
        ck_assert_int_eq(suppress_read_file(cases[i].path), -cases[i].error);
        snprintf(expected, sizeof expected, "%s: no suppressions read, it cannot be read (errno %d)",
                 cases[i].path, cases[i].error);
        check_said(expected);
    }
    check_patterns("");
}
END_TEST

// Of a long path the end is shown, and the message is not lost.
START_TEST(test_long_path)
{
    char path[3000];
    memset(path, '/', sizeof path);
    strcpy(path + sizeof path - 9, "the\n.end");
    ck_assert_int_eq(suppress_read_file(path), -ENOENT);
    ck_assert_ptr_nonnull(strstr(said, "]: .../"));
    ck_assert_ptr_nonnull(strstr(said, "/the?.end: no suppressions read, it cannot be read (errno 2)\n"));
}
END_TEST

START_TEST(test_empty_sources)
{
    ck_assert_int_eq(suppress_read_file("/dev/null"), 0);
    write_file("", 0);
    ck_assert_int_eq(suppress_read_file(file), 0);
    ck_assert_int_eq(suppress_add_text("text", "", 0), 0);
    check_patterns("");
    ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(test_large_file)
{
    static char text[SUPPRESS_TEXT_MOST + 1];
    char expected[300];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = "leak:\n"[i % 6];
    write_file(text, sizeof text - 1);
    ck_assert_int_eq(suppress_read_file(file), 0);
    size_t count = 0;
    for (const struct suppression *s = suppress_first(); s; s = s->next)
        count++;
    ck_assert_uint_eq(count, SUPPRESS_TEXT_MOST / 6);
    ck_assert_uint_eq(lines, 1); // the last is cut off
    suppress_forget();
    said[0] = 0;
    write_file(text, sizeof text);
    ck_assert_int_eq(suppress_read_file(file), -EFBIG);
    snprintf(expected, sizeof expected, "%s: no suppressions read, it has more than 1 MiB (errno %d)", file,
             EFBIG);
    check_said(expected);
    ck_assert_int_eq(suppress_read_file("/dev/zero"), -EFBIG);
    ck_assert_int_eq(suppress_add_text("text", text, sizeof text), -EFBIG);
    check_patterns("");
}
END_TEST

START_TEST(test_no_memory)
{
    struct rlimit before, none;
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &before), 0);
    none = (struct rlimit){0, before.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
    ck_assert_int_eq(add("leak:a"), -ENOMEM);
    check_said("text: no suppressions read, there is no memory (errno 12)");
    ck_assert_int_eq(suppress_read_file("/dev/null"), -ENOMEM);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &before), 0);
    check_patterns("");
}
END_TEST

START_TEST(test_memory_is_given_back)
{
    size_t before = meta_mapped_bytes();
    write_file("leak:a\n", 7);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(suppress_read_file(file), 0);
        ck_assert_int_ne(suppress_read_file(folder), 0);
        suppress_forget();
        said[0] = 0;
    }
    ck_assert_uint_eq(meta_mapped_bytes(), before);
}
END_TEST

// --- which one, and how often ---------------------------------------------------------------------------------------

START_TEST(test_first_counts)
{
    ck_assert_int_eq(add("leak:^alpha\nleak:beta$\nleak:a\n"), 0);
    ck_assert_str_eq(suppress_match("alphabeta")->pattern, "^alpha");
    ck_assert_str_eq(suppress_match("a beta")->pattern, "beta$");
    ck_assert_str_eq(suppress_match("gamma")->pattern, "a");
    ck_assert_ptr_null(suppress_match("other"));
}
END_TEST

START_TEST(test_counts)
{
    ck_assert_int_eq(add("leak:one\nleak:two\nleak:three\n"), 0);
    suppress_count(suppress_match("one"), 3, 300);
    suppress_count(suppress_match("twenty-one"), 1, 5);
    suppress_count(suppress_match("three"), UINT64_C(1) << 33, UINT64_C(1) << 40);
    const struct suppression *s = suppress_first();
    ck_assert(s->blocks == 4 && s->bytes == 305);
    s = s->next;
    ck_assert(s->blocks == 0 && s->bytes == 0);
    s = s->next;
    ck_assert(s->blocks == UINT64_C(1) << 33 && s->bytes == UINT64_C(1) << 40);
    ck_assert_ptr_null(s->next);
}
END_TEST

int main(void)
{
    enum {
        TABLE = sizeof table / sizeof table[0],
        GOOD = sizeof good / sizeof good[0],
        BAD = sizeof bad / sizeof bad[0]
    };
    Suite *suite = suite_create("suppress");
    TCase *matching = tcase_create("matching"), *text = tcase_create("lines"),
          *sources = tcase_create("sources"), *counts = tcase_create("counts");
    TCase *all[] = {matching, text, sources, counts};
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        tcase_set_timeout(all[i], 120);
        tcase_add_checked_fixture(all[i], begin, end);
        suite_add_tcase(suite, all[i]);
    }
    tcase_add_loop_test(matching, test_table, 0, TABLE);
    tcase_add_test(matching, test_nothing_matches_null);
    tcase_add_test(matching, test_long_text);
    tcase_add_loop_test(text, test_good_text, 0, GOOD);
    tcase_add_loop_test(text, test_good_file, 0, GOOD);
    tcase_add_loop_test(text, test_bad_line, 0, BAD);
    tcase_add_test(text, test_shown_text);
    tcase_add_test(text, test_long_lines);
    tcase_add_test(text, test_many_bad_lines);
    tcase_add_test(sources, test_sources_add_up);
    tcase_add_test(sources, test_texts_are_copied);
    tcase_add_test(sources, test_unreadable);
    tcase_add_test(sources, test_long_path);
    tcase_add_test(sources, test_empty_sources);
    tcase_add_test(sources, test_large_file);
    tcase_add_test(sources, test_no_memory);
    tcase_add_test(sources, test_memory_is_given_back);
    tcase_add_test(counts, test_first_counts);
    tcase_add_test(counts, test_counts);
    return run_suite(suite);
}
