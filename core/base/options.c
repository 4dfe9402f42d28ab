// Settings: reads GCPRE_ variables into `options` by the table that options.def makes. No libc but string.h: this runs
// before anything else of ours, in somebody else's process.
//
// Every kind of option is parsed into one 64-bit value, which is then stored in as many bytes as the field has.
#include "base/options.h"

#include "base/bits.h"
#include "base/log.h"
#include "sys/syscall.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MILLISECOND UINT64_C(1000000)
#define SECOND      (1000 * MILLISECOND)
#define MINUTE      (60 * SECOND)
#define HOUR        (60 * MINUTE)

#define PREFIX      "GCPRE_"
#define SCRIPTS_OWN "LIB" // GCPRE_LIB tells the project's scripts which library to load

enum {
    PREFIX_BYTES = sizeof PREFIX - 1,
    EXCERPT_BYTES = 64,
    DELETE = 0x7f,
    NAME_COLUMN = 18,
    DEFAULT_COLUMN = 9,
};
enum { SIGNAL_RT_FIRST = 34, SIGNAL_RT_LAST = 64 }; // libc keeps 32 and 33 to itself

enum kind { NUMBER, SIZE, TIME, WORD, FLAGS, PATH, SIGNAL };

// A word and what it stands for; a list ends with a NULL text.
struct word {
    const char *text;
    uint64_t value;
};

struct row {
    const char *name;
    const char *default_text;
    const char *expected;
    const char *meaning;
    const struct word *words;
    uint64_t lowest;
    uint64_t highest;
    size_t offset; // of the field in struct options
    size_t bytes;
    enum kind kind;
};

#define OPTION(name, type, field, initial, ...) .field = (initial),
static const struct options defaults = {
#include "base/options.def"
};
struct options options = {
#include "base/options.def"
};
#undef OPTION

// clang-format off
#define WORDS(...) (const struct word[]){__VA_ARGS__, {NULL, 0}}
#define NO_WORDS   (const struct word[]){{NULL, 0}}
#define SWITCH     WORDS({"0", 0}, {"1", 1}, {"off", 0}, {"on", 1})

#define OPTION(name, type, field, initial, text, kind, lowest, highest, words, expected, meaning) \
    {#name, text, expected, meaning, words, lowest, highest, offsetof(struct options, field), sizeof(type), kind},
// clang-format on
static const struct row rows[] = {
#include "base/options.def"
};
#undef OPTION

#define OPTION(name, type, field, initial, text, kind, ...) +(kind == PATH)
enum {
    ROWS = sizeof rows / sizeof rows[0],
    PATHS = 0
#include "base/options.def"
};
#undef OPTION

static char path_text[PATHS][PATH_MAX];
static size_t paths_used;

static char as_is(char c) { return c; }

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c; }

static bool same(const char *text, size_t bytes, const char *word, char (*fold)(char))
{
    for (size_t i = 0; i < bytes; i++)
        if (!word[i] || fold(text[i]) != fold(word[i]))
            return false;
    return !word[bytes];
}

static bool look_up(const struct word *words, const char *text, size_t bytes, char (*fold)(char),
                    uint64_t *value)
{
    for (; words->text; words++)
        if (same(text, bytes, words->text, fold)) {
            *value = words->value;
            return true;
        }
    return false;
}

// --- kinds: each turns the text into a value, or says no -------------------------------------------------------

// Digits and then a unit, in any case, whose value multiplies.
static bool parse_quantity(const struct word *units, const char *text, uint64_t *value)
{
    uint64_t number = 0, unit;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number))
            return false;
    return at != text && look_up(units, at, strlen(at), lower, &unit) &&
           !__builtin_mul_overflow(number, unit, value);
}

static bool parse_in_range(const struct row *row, const struct word *units, const char *text, uint64_t *value)
{
    return parse_quantity(units, text, value) && *value >= row->lowest && *value <= row->highest;
}

// Several words with commas between them; the one that means nothing stands alone.
static bool parse_flags(const struct row *row, const struct word *unused, const char *text, uint64_t *value)
{
    (void)unused;
    uint64_t flag;
    *value = 0;
    do {
        size_t bytes = strcspn(text, ",");
        if (!look_up(row->words, text, bytes, as_is, &flag) || !flag)
            return false;
        *value |= flag;
        text += bytes;
    } while (*text++);
    return true;
}

static bool parse_path(const struct row *row, const struct word *unused, const char *text, uint64_t *value)
{
    (void)row, (void)unused;
    size_t bytes = strlen(text) + 1;
    if (bytes > PATH_MAX)
        return false;
    char *copy = path_text[paths_used++];
    memcpy(copy, text, bytes);
    *value = (uintptr_t)copy;
    return true;
}

static const struct word plain[] = {{"", 1}, {NULL, 0}};

// A name with or without SIG, RTMIN, RTMIN+n, or the number of a real-time signal.
static bool parse_signal(const struct row *row, const struct word *names, const char *text, uint64_t *value)
{
    (void)row;
    if (same(text, min_size(strlen(text), 3), "SIG", lower))
        text += 3;
    if (look_up(names, text, strlen(text), lower, value))
        return true;
    if (same(text, min_size(strlen(text), 6), "RTMIN+", lower)) {
        if (!parse_quantity(plain, text + 6, value) || *value > SIGNAL_RT_LAST - SIGNAL_RT_FIRST)
            return false;
        *value += SIGNAL_RT_FIRST;
        return true;
    }
    return parse_quantity(plain, text, value) && *value >= SIGNAL_RT_FIRST && *value <= SIGNAL_RT_LAST;
}

static const struct word sizes[] = {
    {"", 1},      {"B", 1},        {"KiB", KIB},       {"MiB", MIB},          {"GiB", GIB}, {"TiB", TIB},
    {"KB", 1000}, {"MB", 1000000}, {"GB", 1000000000}, {"TB", 1000000000000}, {NULL, 0},
};

static const struct word times[] = {
    {"ns", 1}, {"us", 1000}, {"ms", MILLISECOND}, {"s", SECOND}, {"m", MINUTE}, {"h", HOUR}, {NULL, 0},
};

// Not those that faults raise, that cannot be caught, that stop or continue the process, nor CHLD, which programs
// wait for.
static const struct word signals[] = {
    {"URG", SIGURG},   {"USR1", SIGUSR1},     {"USR2", SIGUSR2},          {"HUP", SIGHUP},
    {"INT", SIGINT},   {"QUIT", SIGQUIT},     {"TERM", SIGTERM},          {"PIPE", SIGPIPE},
    {"ALRM", SIGALRM}, {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF},          {"XCPU", SIGXCPU},
    {"XFSZ", SIGXFSZ}, {"IO", SIGIO},         {"POLL", SIGPOLL},          {"WINCH", SIGWINCH},
    {"PWR", SIGPWR},   {"STKFLT", SIGSTKFLT}, {"RTMIN", SIGNAL_RT_FIRST}, {"RTMAX", SIGNAL_RT_LAST},
    {NULL, 0},
};

// How a value is parsed that is none of the option's words.
static const struct {
    bool (*parse)(const struct row *row, const struct word *units, const char *text, uint64_t *value);
    const struct word *units;
} kinds[] = {
    [NUMBER] = {parse_in_range, plain}, [SIZE] = {parse_in_range, sizes},
    [TIME] = {parse_in_range, times},   [WORD] = {NULL, NULL},
    [FLAGS] = {parse_flags, NULL},      [PATH] = {parse_path, NULL},
    [SIGNAL] = {parse_signal, signals},
};

// --- one variable -----------------------------------------------------------------------------------------------

// The beginning of some text from outside, fit for a line of the log.
static const char *excerpt(char out[EXCERPT_BYTES], const char *text, size_t bytes)
{
    size_t shown = bytes < EXCERPT_BYTES ? bytes : EXCERPT_BYTES - 4;
    for (size_t i = 0; i < shown; i++)
        out[i] = (unsigned char)text[i] < ' ' || text[i] == DELETE ? '?' : text[i];
    strcpy(out + shown, shown < bytes ? "..." : "");
    return out;
}

static bool parse(const struct row *row, const char *text, uint64_t *value)
{
    if (look_up(row->words, text, strlen(text), as_is, value))
        return true;
    bool (*parse_other)(const struct row *, const struct word *, const char *,
                        uint64_t *) = kinds[row->kind].parse;
    return *text && parse_other && parse_other(row, kinds[row->kind].units, text, value);
}

static void set(const struct row *row, const char *text)
{
    char shown[EXCERPT_BYTES];
    uint64_t value;
    if (!parse(row, text, &value))
        log_line(PREFIX "%s=%s: expected %s; using %s", row->name, excerpt(shown, text, strlen(text)),
                 row->expected, row->default_text);
    else
        memcpy((char *)&options + row->offset, &value, row->bytes); // little-endian: the low bytes
}

// A file that is read must be there; one that is written, or else the folder that it will be in, must let us write. 0 or an error.
static int path_error(const char *path, bool is_read)
{
    char full[PATH_MAX];
    struct stat unused;
    if (!options_expand_path(path, full, sizeof full))
        return ENAMETOOLONG;
    bool exists = sys_call(SYS_newfstatat, AT_FDCWD, (long)full, (long)&unused, 0, 0, 0) == 0;
    if (!exists && !is_read) {
        char *slash = strrchr(full, '/');
        strcpy(slash ? slash + (slash == full) : full, slash ? "" : ".");
    }
    return (int)-sys_call3(SYS_faccessat, AT_FDCWD, (long)full, is_read ? R_OK : W_OK);
}

static void check_path(const struct row *row, bool is_read)
{
    char shown[EXCERPT_BYTES];
    const char **path = (const char **)((char *)&options + row->offset);
    int error = *path ? path_error(*path, is_read) : 0;
    if (!error)
        return;
    log_line(PREFIX "%s=%s: cannot be %s (error %d); using %s", row->name,
             excerpt(shown, *path, strlen(*path)), is_read ? "read" : "written", error, row->default_text);
    *path = NULL;
}

void options_check_paths(void)
{
    for (const struct row *row = rows; row < rows + ROWS; row++)
        if (row->kind == PATH)
            check_path(row, row->offset == offsetof(struct options, suppress));
}

static const struct row *find(const char *name, size_t bytes)
{
    for (const struct row *row = rows; row < rows + ROWS; row++)
        if (strlen(row->name) == bytes && memcmp(row->name, name, bytes) == 0)
            return row;
    return NULL;
}

void options_init(char **envp, bool secure)
{
    char shown[EXCERPT_BYTES];
    uint64_t seen = 0;
    _Static_assert(ROWS <= 64, "one bit of `seen` for each");
    options = defaults;
    paths_used = 0;
    if (secure)
        return;
    for (; *envp; envp++) {
        const char *name = *envp + PREFIX_BYTES, *equals = strchr(*envp, '=');
        if (strncmp(*envp, PREFIX, PREFIX_BYTES) != 0 || !equals)
            continue;
        size_t bytes = (size_t)(equals - name);
        const struct row *row = find(name, bytes);
        uint64_t bit = row ? UINT64_C(1) << (row - rows) : 0;
        if (row && !(seen & bit))
            set(row, equals + 1);
        else if (!row && !same(name, bytes, SCRIPTS_OWN, as_is))
            log_line(PREFIX "%s is not a setting of libgcpre: ignored (" PREFIX "HELP=1 lists them)",
                     excerpt(shown, name, bytes));
        seen |= bit;
    }
}

bool options_change(const char *name, const char *text, const char **expected)
{
    const struct row *row = rows;
    uint64_t value;
    while (row < rows + ROWS && !same(name, strlen(name), row->name, lower))
        row++;
    bool known = row < rows + ROWS && row->kind != PATH;
    *expected = known ? row->expected : "the name of a setting that can be changed";
    if (!known || !parse(row, text, &value))
        return false;
    memcpy((char *)&options + row->offset, &value, row->bytes);
    return true;
}

// --- what is shown and derived ------------------------------------------------------------------------------------

static void write_out(const char *text, size_t bytes)
{
    while (bytes) {
        ssize_t written = sys_write(1, text, bytes);
        if (written == -EINTR)
            continue;
        if (written <= 0)
            return;
        text += written;
        bytes -= (size_t)written;
    }
}

static char *put(char *at, const char *text, size_t column_bytes)
{
    size_t bytes = strlen(text);
    memcpy(at, text, bytes);
    for (at += bytes; bytes < column_bytes; bytes++)
        *at++ = ' ';
    return at;
}

static void print_row(const char *prefix, const struct row *row)
{
    char line[LOG_LINE_BYTES];
    char *at = put(line, prefix, 0);
    at = put(at, row->name, NAME_COLUMN - strlen(prefix));
    at = put(at, row->default_text, DEFAULT_COLUMN);
    at = put(at, row->meaning, 0);
    at = put(at, "\n", 0);
    write_out(line, (size_t)(at - line));
}

void options_print_help(void)
{
    static const struct row heading = {.name = "variable", .default_text = "default", .meaning = "meaning"};
    print_row("", &heading);
    for (const struct row *row = rows; row < rows + ROWS; row++)
        print_row(PREFIX, row);
}

bool options_expand_path(const char *path, char *out, size_t bytes)
{
    size_t at = 0;
    for (; *path && at < bytes; path++) {
        bool directive = path[0] == '%' && (path[1] == 'p' || path[1] == '%');
        path += directive;
        if (directive && *path == 'p')
            at += format_text(out + at, bytes - at, "%d", sys_getpid());
        else
            out[at++] = *path;
    }
    bool fits = at < bytes;
    if (bytes)
        out[fits ? at : bytes - 1] = 0;
    return fits;
}
