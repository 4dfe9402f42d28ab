// base/options.h: every value that a setting takes, every way to get it wrong, and what is said about it.
#include "base/options.h"

#include "unit.h"

#include "base/bits.h"
#include "base/log.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MS INT64_C(1000000)
#define S  (1000 * MS)

// --- what the list says, for the tests' own use -----------------------------------------------------------------

struct listed {
    const char *name, *default_text, *expected, *meaning;
};

#define OPTION(name, type, field, initial, text, kind, lowest, highest, words, expected, meaning) \
    {#name, text, expected, meaning},
static const struct listed list[] = {
#include "base/options.def"
};
#undef OPTION
enum { LISTED = sizeof list / sizeof list[0] };

// The value of the setting as a number; of a path, whether there is one.
static int64_t as_number(const struct options *from, const char *name)
{
#define OPTION(NAME, type, field, ...) \
    if (strcmp(name, #NAME) == 0)      \
        return _Generic(from->field, const char * : !!from->field, default : (int64_t)from->field);
#include "base/options.def"
#undef OPTION
    ck_abort_msg("%s is not in the list", name);
    return 0;
}

static const struct listed *entry(const char *name)
{
    for (const struct listed *e = list; e < list + LISTED; e++)
        if (strcmp(e->name, name) == 0)
            return e;
    ck_abort_msg("%s is not in the list", name);
    return NULL;
}

// --- one reading ------------------------------------------------------------------------------------------------

static struct options before; // as the process found them
static char said[16 * LOG_LINE_BYTES];
static size_t said_bytes, lines;

static void keep(const char *line, size_t bytes)
{
    ck_assert_uint_le(bytes, LOG_LINE_BYTES);
    ck_assert_uint_lt(said_bytes + bytes, sizeof said);
    memcpy(said + said_bytes, line, bytes);
    said_bytes += bytes;
    said[said_bytes] = 0;
    lines++;
}

static void read_all(const char *const *envp)
{
    said_bytes = lines = 0;
    said[0] = 0;
    log_writer = keep;
    options_init((char **)envp, false);
}

static void read_one(const char *name, const char *value)
{
    size_t bytes = strlen(name) + strlen(value) + sizeof "GCPRE_=";
    char *text = malloc(bytes);
    snprintf(text, bytes, "GCPRE_%s=%s", name, value);
    read_all((const char *const[]){text, NULL});
    memset(text, '#', bytes - 1); // nothing may still point into it
    free(text);
}

static void check_others_unchanged(const char *name)
{
    for (const struct listed *e = list; e < list + LISTED; e++)
        if (strcmp(e->name, name) != 0)
            ck_assert_msg(as_number(&options, e->name) == as_number(&before, e->name), "%s changed %s", name,
                          e->name);
}

static void check_said(const char *line)
{
    char expected[2 * LOG_LINE_BYTES];
    snprintf(expected, sizeof expected, "gcpre[%d]: %s\n", (int)getpid(), line);
    ck_assert_str_eq(said, expected);
    ck_assert_uint_eq(lines, 1);
}

// --- defaults ---------------------------------------------------------------------------------------------------

static void check_defaults(const struct options *o)
{
    ck_assert_int_eq(o->gogc, 100);
    ck_assert_uint_eq(o->memlimit_bytes, SIZE_MAX);
    ck_assert_uint_eq(o->period_ns, 120 * S);
    ck_assert(o->reclaim);
    ck_assert_int_eq(o->free_mode, FREE_NOW);
    ck_assert_uint_eq(o->leaks, 0);
    ck_assert_int_eq(o->stack_frames, 30);
    ck_assert_ptr_null(o->suppress);
    ck_assert_int_eq(o->exit_code, 0);
    ck_assert_ptr_null(o->report);
    ck_assert_int_eq(o->format, FORMAT_TEXT);
    ck_assert(!o->trace);
    ck_assert_ptr_null(o->log);
    ck_assert_int_eq(o->barrier, BARRIER_AUTO);
    ck_assert_int_eq(o->workers, 0);
    ck_assert_int_eq(o->scan_align, 4);
    ck_assert_int_eq(o->signal, SIGURG);
    ck_assert_int_eq(o->probation, -1);
    ck_assert_uint_eq(o->sample_bytes, 512 * KIB);
    ck_assert(o->children);
    ck_assert(!o->control);
    ck_assert_uint_eq(o->stress, 0);
    ck_assert(!o->verify);
    ck_assert(!o->help);
}

START_TEST(test_defaults_before_init)
{
    check_defaults(&before);
}
END_TEST

START_TEST(test_defaults_of_an_empty_environment)
{
    const char *none[] = {NULL},
               *others[] = {
                   "PATH=/bin",      "GCPR=1", "GCPRE", "GCPREGOGC=5", "XGCPRE_GOGC=5",    "gcpre_gogc=5",
                   "A=GCPRE_GOGC=5", "",       "=",     "GCPRE_GOGC",  "GCPRE_LIB=lib.so", NULL};
    read_one("GOGC", "7"); // forgotten by the next reading
    read_all(none);
    check_defaults(&options);
    read_all(others);
    check_defaults(&options);
    ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(test_secure_reads_nothing)
{
    const char *envp[] = {"GCPRE_GOGC=7", "GCPRE_LOG=/tmp/log", "GCPRE_HELP=1",
                          "GCPRE_NONE=1", "GCPRE_TRACE=x",      NULL};
    read_one("GOGC", "7");
    options_init((char **)envp, true);
    check_defaults(&options);
    ck_assert_str_eq(said, "");
}
END_TEST

// What the table shows as the default is a value, and is the default.
START_TEST(test_default_texts)
{
    read_one(list[_i].name, list[_i].default_text);
    ck_assert_str_eq(said, "");
    check_defaults(&options);
}
END_TEST

// --- values -----------------------------------------------------------------------------------------------------

// clang-format off
static const struct {
    const char *name, *text;
    int64_t value;
} good[] = {
    {"GOGC", "1", 1}, {"GOGC", "250", 250}, {"GOGC", "100000", 100000}, {"GOGC", "0042", 42},
    {"GOGC", "off", -1},
    {"MEMLIMIT", "512MiB", 512 * MIB}, {"MEMLIMIT", "1GiB", GIB}, {"MEMLIMIT", "1024KiB", MIB},
    {"MEMLIMIT", "10MB", 10000000}, {"MEMLIMIT", "2GB", 2000000000}, {"MEMLIMIT", "1TB", 1000000000000},
    {"MEMLIMIT", "64TiB", 64 * TIB}, {"MEMLIMIT", "4194304", 4 * MIB}, {"MEMLIMIT", "4194304B", 4 * MIB},
    {"MEMLIMIT", "5000KB", 5000000}, {"MEMLIMIT", "512mib", 512 * MIB}, {"MEMLIMIT", "1gIb", GIB},
    {"MEMLIMIT", "off", -1},
    {"PERIOD", "1s", S}, {"PERIOD", "2m", 120 * S}, {"PERIOD", "500ms", 500 * MS},
    {"PERIOD", "1h", 3600 * S}, {"PERIOD", "1000h", 3600000 * S}, {"PERIOD", "1000us", MS},
    {"PERIOD", "1000001ns", MS + 1}, {"PERIOD", "3S", 3 * S}, {"PERIOD", "off", 0},
    {"RECLAIM", "0", 0}, {"RECLAIM", "off", 0}, {"RECLAIM", "1", 1}, {"RECLAIM", "on", 1},
    {"FREE", "now", FREE_NOW}, {"FREE", "quarantine", FREE_QUARANTINE}, {"FREE", "ignore", FREE_IGNORE},
    {"ABORT", "0", 0}, {"ABORT", "on", 1},
    {"LEAKS", "off", 0}, {"LEAKS", "exit", LEAKS_EXIT}, {"LEAKS", "cycle", LEAKS_CYCLE},
    {"LEAKS", "exit,cycle", LEAKS_EXIT | LEAKS_CYCLE}, {"LEAKS", "cycle,exit", LEAKS_EXIT | LEAKS_CYCLE},
    {"STACK", "1", 1}, {"STACK", "255", 255},
    {"SUPPRESS", "/some/file", 1}, {"SUPPRESS", "none", 0},
    {"EXITCODE", "0", 0}, {"EXITCODE", "23", 23}, {"EXITCODE", "255", 255},
    {"REPORT", "report.%p", 1}, {"REPORT", "stderr", 0},
    {"FORMAT", "text", FORMAT_TEXT}, {"FORMAT", "json", FORMAT_JSON},
    {"TRACE", "1", 1}, {"TRACE", "0", 0},
    {"LOG", "trace", 1}, {"LOG", "/tmp/log.%p", 1}, {"LOG", "stderr", 0}, {"LOG", "a=b", 1},
    {"BARRIER", "auto", BARRIER_AUTO}, {"BARRIER", "uffd", BARRIER_UFFD},
    {"BARRIER", "mprotect", BARRIER_MPROTECT}, {"BARRIER", "none", BARRIER_NONE},
    {"WORKERS", "auto", 0}, {"WORKERS", "1", 1}, {"WORKERS", "256", 256},
    {"SCAN_ALIGN", "1", 1}, {"SCAN_ALIGN", "4", 4}, {"SCAN_ALIGN", "8", 8},
    {"SIGNAL", "URG", SIGURG}, {"SIGNAL", "SIGURG", SIGURG}, {"SIGNAL", "USR1", SIGUSR1},
    {"SIGNAL", "usr2", SIGUSR2}, {"SIGNAL", "sigpwr", SIGPWR}, {"SIGNAL", "PROF", SIGPROF},
    {"SIGNAL", "VTALRM", SIGVTALRM}, {"SIGNAL", "IO", SIGIO}, {"SIGNAL", "34", 34}, {"SIGNAL", "50", 50},
    {"SIGNAL", "64", 64}, {"SIGNAL", "RTMIN", 34}, {"SIGNAL", "RTMIN+0", 34}, {"SIGNAL", "RTMIN+3", 37},
    {"SIGNAL", "SIGRTMIN+30", 64}, {"SIGNAL", "RTMAX", 64},
    {"PROBATION", "auto", -1}, {"PROBATION", "0", 0}, {"PROBATION", "1000", 1000},
    {"SAMPLE", "off", 0}, {"SAMPLE", "1", 1}, {"SAMPLE", "1MiB", MIB}, {"SAMPLE", "64TiB", 64 * TIB},
    {"CHILDREN", "0", 0}, {"CHILDREN", "1", 1},
    {"CONTROL", "1", 1}, {"CONTROL", "off", 0}, {"CONTROL", "0", 0},
    {"STRESS", "0", 0}, {"STRESS", "1", 1}, {"STRESS", "1000000000", 1000000000},
    {"VERIFY", "1", 1},
    {"HELP", "1", 1}, {"HELP", "0", 0},
};
// clang-format on

// Sets it, alone and silently.
START_TEST(test_good)
{
    const char *name = good[_i].name;
    read_one(name, good[_i].text);
    check_others_unchanged(name);
    int64_t value = as_number(&options, name);
    ck_assert_str_eq(said, "");
    ck_assert_msg(value == good[_i].value, "GCPRE_%s=%s gives %ld", name, good[_i].text, (long)value);
}
END_TEST

static const struct {
    const char *name;
    const char *texts[24];
} bad[] = {
    {"GOGC",
     {"abc", "0", "-1", "+5", "100001", "1e3", "0x10", "1 2", " 1", "1 ", "1%", "OFF", "1off",
      "18446744073709551617", "92233720368547758130", "99999999999999999999999999"}},
    {"MEMLIMIT",
     {"abc", "0", "1", "1023KiB", "65TiB", "MiB", "1 MiB", "1M", "1MiBs", "-1MiB", "1.5GiB", "12XiB",
      "18446744073709551616", "18446744073709551615TiB", "16777217TiB", "0x100000"}},
    {"PERIOD",
     {"abc", "0s", "999us", "1001h", "120", "s", "5 parsecs", "-1s", "1.5s", "1s1s", "18446744073709551615h",
      "5124096h"}},
    {"RECLAIM", {"2", "yes", "true", "-1", "00", "1 "}},
    {"ABORT", {"2", "yes", "abort"}},
    {"FREE", {"later", "NOW", "now,ignore", "no"}},
    {"LEAKS",
     {"1", "leaks", ",", "exit,", ",exit", "exit,,cycle", "exit,off", "off,exit", "exit,nonsense",
      "exit cycle", "Exit"}},
    {"STACK", {"0", "256", "-1", "off"}},
    {"EXITCODE", {"256", "-1", "none"}},
    {"FORMAT", {"xml", "JSON", "text,json"}},
    {"TRACE", {"2", "stderr"}},
    {"BARRIER", {"softdirty", "UFFD", "uffd,mprotect"}},
    {"WORKERS", {"0", "257", "-1", "two", "4294967297"}},
    {"SCAN_ALIGN", {"0", "2", "3", "16", "-4", "44"}},
    {"SIGNAL", {"KILL", "STOP",    "SEGV",     "BUS",    "ILL",     "FPE", "TRAP", "ABRT",
                "CHLD", "SIGKILL", "sigsegv",  "CONT",   "SYS",     "0",   "9",    "23",
                "33",   "65",      "RTMIN+31", "RTMIN+", "RTMIN-1", "SIG", "NOW"}},
    {"PROBATION", {"1001", "-1", "off"}},
    {"SAMPLE", {"0", "65TiB", "1M", "on"}},
    {"CHILDREN", {"7"}},
    {"CONTROL", {"2", "NOW"}},
    {"STRESS", {"1000000001", "-1", "off", "4294967296"}},
    {"VERIFY", {"7"}},
    {"HELP", {"yes"}},
};

START_TEST(test_bad)
{
    const struct listed *e = entry(bad[_i].name);
    for (const char *const *text = bad[_i].texts; *text; text++) {
        char line[LOG_LINE_BYTES];
        read_one(e->name, *text);
        snprintf(line, sizeof line, "GCPRE_%s=%s: expected %s; using %s", e->name, *text, e->expected,
                 e->default_text);
        check_said(line);
        check_defaults(&options);
    }
}
END_TEST

START_TEST(test_empty_value)
{
    char line[LOG_LINE_BYTES];
    const struct listed *e = &list[_i];
    read_one(e->name, "");
    snprintf(line, sizeof line, "GCPRE_%s=: expected %s; using %s", e->name, e->expected, e->default_text);
    check_said(line);
    check_defaults(&options);
}
END_TEST

// The two texts that the project's documents promise.
START_TEST(test_wording)
{
    read_one("GOGC", "abc");
    check_said("GCPRE_GOGC=abc: expected a whole number of percent from 1 to 100000, or off; using 100");
    read_one("FOO", "1");
    check_said("GCPRE_FOO is not a setting of libgcpre: ignored (GCPRE_HELP=1 lists them)");
}
END_TEST

START_TEST(test_unknown_names)
{
    static const char *const names[] = {"",     "GOG",         "GOGCC",   "gogc", "GOGC ",
                                        "SCAN", "SCAN_ALIGN_", "LIBRARY", "LI",   "lib"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char line[LOG_LINE_BYTES];
        read_one(names[i], "100");
        snprintf(line, sizeof line,
                 "GCPRE_%s is not a setting of libgcpre: ignored (GCPRE_HELP=1 lists them)", names[i]);
        check_said(line);
        check_defaults(&options);
    }
}
END_TEST

// --- hostile text -----------------------------------------------------------------------------------------------

START_TEST(test_long_text)
{
    static char nines[100001];
    memset(nines, '9', sizeof nines - 1);
    for (size_t i = 0; i < LISTED; i++) {
        read_one(list[i].name, nines);
        ck_assert_uint_eq(lines, 1);
        ck_assert_uint_lt(said_bytes, 300);
        ck_assert_msg(strstr(said, list[i].expected) && strstr(said, "9...: expected"), "%s", said);
        check_defaults(&options);
    }
    read_one(nines, "1");
    ck_assert_uint_eq(lines, 1);
    ck_assert_uint_lt(said_bytes, 300);
    ck_assert_ptr_nonnull(strstr(said, "999... is not a setting of libgcpre"));
}
END_TEST

// A value is shown whole up to 63 bytes, and with what is no text replaced.
START_TEST(test_shown_text)
{
    char value[80], shown[80], line[LOG_LINE_BYTES];
    for (size_t bytes = 1; bytes < sizeof value; bytes++) {
        memset(value, 'x', bytes);
        value[bytes] = 0;
        read_one("HELP", value);
        snprintf(shown, sizeof shown, bytes < 64 ? "%s" : "%.60s...", value);
        snprintf(line, sizeof line, "GCPRE_HELP=%s: expected 0 or 1; using 0", shown);
        check_said(line);
    }
    read_one("HELP", "\x01%n\n%s\x7f\t\xc3\xa4");
    check_said("GCPRE_HELP=?%n?%s??\xc3\xa4: expected 0 or 1; using 0");
}
END_TEST

static unsigned random_below(unsigned below) { return (unsigned)(next_random() % below); }

// Random words over the characters that values are made of: at most one line, and nothing else changes.
START_TEST(test_random_text)
{
    static const char alphabet[] = "0123456789,+-offautMiBKGTsmhSIGRTexit \x01";
    for (int i = 0; i < 50000; i++) {
        char value[12] = "";
        for (unsigned at = 0, bytes = random_below(sizeof value); at < bytes; at++)
            value[at] = alphabet[random_below(sizeof alphabet - 1)];
        const struct listed *e = &list[random_below(LISTED)];
        read_one(e->name, value);
        ck_assert_uint_le(lines, 1);
        check_others_unchanged(e->name);
        ck_assert(lines == 0 || as_number(&options, e->name) == as_number(&before, e->name));
    }
}
END_TEST

// --- several variables ------------------------------------------------------------------------------------------

START_TEST(test_many_together)
{
    const char *envp[] = {
        "HOME=/", "GCPRE_GOGC=50", "GCPRE_PERIOD=off", "PWD=/", "GCPRE_TRACE=1", "GCPRE_SCAN_ALIGN=8", NULL};
    read_all(envp);
    ck_assert_str_eq(said, "");
    ck_assert_int_eq(options.gogc, 50);
    ck_assert_uint_eq(options.period_ns, 0);
    ck_assert(options.trace);
    ck_assert_int_eq(options.scan_align, 8);
}
END_TEST

START_TEST(test_first_of_two_counts)
{
    const char *good_first[] = {"GCPRE_GOGC=50", "GCPRE_TRACE=1", "GCPRE_GOGC=60", "GCPRE_GOGC=abc", NULL};
    const char *bad_first[] = {"GCPRE_GOGC=abc", "GCPRE_GOGC=60", NULL};
    read_all(good_first);
    ck_assert_int_eq(options.gogc, 50);
    ck_assert_uint_eq(lines, 0);
    read_all(bad_first);
    ck_assert_int_eq(options.gogc, 100);
    ck_assert_uint_eq(lines, 1);
}
END_TEST

START_TEST(test_one_line_for_each_fault)
{
    const char *envp[] = {"GCPRE_A=1", "GCPRE_GOGC=x", "GCPRE_B=1", "GCPRE_WORKERS=0", "GCPRE_TRACE=1", NULL};
    static const char *const in_order[] = {"GCPRE_A ", "GCPRE_GOGC=x", "GCPRE_B ", "GCPRE_WORKERS=0"};
    read_all(envp);
    ck_assert_uint_eq(lines, 4);
    const char *at = said;
    for (size_t i = 0; i < 4; i++)
        ck_assert_msg((at = strstr(at, in_order[i])) != NULL, "%s: %s", in_order[i], said);
    ck_assert(options.trace);
}
END_TEST

// --- paths ------------------------------------------------------------------------------------------------------

START_TEST(test_path_is_kept)
{
    read_one("LOG", "/some/where/log.%p"); // read_one destroys the variable
    ck_assert_str_eq(options.log, "/some/where/log.%p");
}
END_TEST

START_TEST(test_long_paths)
{
    char path[PATH_MAX + 1];
    memset(path, 'p', PATH_MAX);
    path[PATH_MAX] = 0;
    read_one("LOG", path);
    ck_assert_ptr_null(options.log);
    ck_assert_uint_eq(lines, 1);
    path[PATH_MAX - 1] = 0;
    read_one("LOG", path);
    ck_assert_str_eq(options.log, path);
    ck_assert_uint_eq(lines, 0);
}
END_TEST

static const struct {
    const char *path, *expanded; // # stands for the process's number
} paths[] = {
    {"", ""},          {"log", "log"}, {"log.%p", "log.#"}, {"%p%p/%p", "##/#"},
    {"100%%", "100%"}, {"%%p", "%p"},  {"%%%p", "%#"},      {"%d %s", "%d %s"},
    {"50%", "50%"},    {"%", "%"},     {"%P", "%P"},        {"a%xb%p", "a%xb#"},
};

START_TEST(test_expand)
{
    char number[16], expected[64] = "", out[64];
    snprintf(number, sizeof number, "%d", (int)getpid());
    for (const char *c = paths[_i].expanded; *c; c++)
        strcat(expected, *c == '#' ? number : (char[]){*c, 0});
    size_t bytes = strlen(expected) + 1;
    for (size_t room = 0; room <= sizeof out - 1; room++) {
        memset(out, 1, sizeof out);
        ck_assert_int_eq(options_expand_path(paths[_i].path, out, room), room >= bytes);
        if (room >= bytes)
            ck_assert_str_eq(out, expected);
        else if (room) // cut, but a string
            ck_assert_uint_lt(strnlen(out, room), room);
        ck_assert_int_eq(out[room], 1);
    }
}
END_TEST

// --- help -------------------------------------------------------------------------------------------------------

static char *help_text(void)
{
    static char text[64 * KIB];
    int ends[2], old = dup(1);
    ck_assert_int_eq(pipe(ends), 0);
    dup2(ends[1], 1);
    options_print_help(); // a pipe holds 64 KiB
    dup2(old, 1);
    close(old);
    close(ends[1]);
    size_t bytes = 0;
    for (ssize_t done; (done = read(ends[0], text + bytes, sizeof text - 1 - bytes)) > 0;)
        bytes += (size_t)done;
    close(ends[0]);
    text[bytes] = 0;
    return text;
}

START_TEST(test_help)
{
    char name[64], *line = strtok(help_text(), "\n");
    ck_assert_ptr_nonnull(line);
    size_t default_at = (size_t)(strstr(line, "default") - line),
           meaning_at = (size_t)(strstr(line, "meaning") - line);
    for (const struct listed *e = list; e < list + LISTED; e++) {
        line = strtok(NULL, "\n");
        ck_assert_msg(line != NULL, "no line for %s", e->name);
        snprintf(name, sizeof name, "GCPRE_%s ", e->name);
        ck_assert_mem_eq(line, name, strlen(name));
        ck_assert_mem_eq(line + default_at, e->default_text, strlen(e->default_text));
        ck_assert_mem_eq(line + meaning_at, e->meaning, strlen(e->meaning));
        ck_assert(line[default_at - 1] == ' ' && line[meaning_at - 1] == ' ');
        ck_assert_uint_eq(strlen(line), meaning_at + strlen(e->meaning));
    }
    ck_assert_ptr_null(strtok(NULL, "\n"));
}
END_TEST

// While the process runs: the same rules, and nothing else changes.
START_TEST(test_change)
{
    const char *expected;
    ck_assert(options_change("gogc", "50", &expected));
    ck_assert_int_eq(options.gogc, 50);
    ck_assert(options_change("GOGC", "off", &expected));
    ck_assert_int_eq(options.gogc, -1);
    ck_assert(!options_change("gogc", "0", &expected));
    ck_assert_str_eq(expected, entry("GOGC")->expected);
    ck_assert_int_eq(options.gogc, -1);
    ck_assert(options_change("period", "20ms", &expected) && options.period_ns == 20 * MS);
    ck_assert(!options_change("report", "/tmp/x", &expected) && !options.report);
    ck_assert(!options_change("nothing", "1", &expected) && !options_change("", "1", &expected));
}
END_TEST

int main(void)
{
    enum {
        GOOD = sizeof good / sizeof good[0],
        BAD = sizeof bad / sizeof bad[0],
        EXPANSIONS = sizeof paths / sizeof paths[0]
    };
    before = options;
    Suite *suite = suite_create("options");
    TCase *defaults = tcase_create("defaults"), *values = tcase_create("values"),
          *hostile = tcase_create("hostile"), *several = tcase_create("several"),
          *path = tcase_create("paths"), *help = tcase_create("help");
    tcase_set_timeout(hostile, 120);
    tcase_add_test(defaults, test_defaults_before_init);
    tcase_add_test(defaults, test_defaults_of_an_empty_environment);
    tcase_add_test(defaults, test_secure_reads_nothing);
    tcase_add_loop_test(defaults, test_default_texts, 0, LISTED);
    tcase_add_loop_test(values, test_good, 0, GOOD);
    tcase_add_loop_test(values, test_bad, 0, BAD);
    tcase_add_loop_test(values, test_empty_value, 0, LISTED);
    tcase_add_test(values, test_wording);
    tcase_add_test(values, test_unknown_names);
    tcase_add_test(hostile, test_long_text);
    tcase_add_test(hostile, test_shown_text);
    tcase_add_test(hostile, test_random_text);
    tcase_add_test(several, test_many_together);
    tcase_add_test(several, test_first_of_two_counts);
    tcase_add_test(several, test_one_line_for_each_fault);
    tcase_add_test(path, test_path_is_kept);
    tcase_add_test(path, test_long_paths);
    tcase_add_loop_test(path, test_expand, 0, EXPANSIONS);
    tcase_add_test(help, test_help);
    tcase_add_test(several, test_change);
    suite_add_tcase(suite, defaults);
    suite_add_tcase(suite, values);
    suite_add_tcase(suite, hostile);
    suite_add_tcase(suite, several);
    suite_add_tcase(suite, path);
    suite_add_tcase(suite, help);
    return run_suite(suite);
}
