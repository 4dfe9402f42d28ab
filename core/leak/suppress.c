// Suppressions: sources of them, each in one mapping that holds its text and the table of what was found in it (X3).
#include "leak/suppress.h"

#include "base/bits.h"
#include "base/log.h"
#include "base/meta.h"
#include "sys/syscall.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define KIND "leak:"

enum {
    KIND_BYTES = sizeof KIND - 1,
    LINE_LEAST = KIND_BYTES + 1, // with its newline
    COMPLAINTS_MOST = 10,        // of one source: it may be any file
    NAME_BYTES = 160,
    EXCERPT_BYTES = 64,
    DELETE = 0x7f,
};
_Static_assert(SUPPRESS_TEXT_MOST == 1024 * 1024 && SUPPRESS_PATTERN_MOST == 1024, "what the log says");

struct source {
    struct source *next;
    size_t mapped_bytes;
    size_t count;
    struct suppression list[]; // behind it the text, in which the patterns end with zeros
};

static struct source *sources;
static struct suppression *first, **last = &first;

// --- matching ---------------------------------------------------------------------------------------------------

// Each part between stars is looked for where the one before it ended, and taken at the first place where it is: without '$' no
// other place could do better. With '$' another might ("a$" does not match "aa"), but none is tried there either.
bool suppress_pattern_matches(const char *pattern, const char *text)
{
    if (!text || !*text)
        return false;
    const char *limit = text + strlen(text);
    bool here = *pattern == '^', star = false;
    for (pattern += here; *pattern;) {
        if (*pattern == '*') {
            star = true;
            here = false;
            pattern++;
            continue;
        }
        if (*pattern == '$')
            return star || !*text;
        size_t bytes = strcspn(pattern, "*$");
        const char *found = memmem(text, (size_t)(limit - text), pattern, bytes);
        if (!found || (here && found != text))
            return false;
        text = found + bytes;
        pattern += bytes;
        star = here = false;
    }
    return true;
}

struct suppression *suppress_match(const char *text)
{
    struct suppression *s = first;
    while (s && !suppress_pattern_matches(s->pattern, text))
        s = s->next;
    return s;
}

void suppress_count(struct suppression *s, uint64_t blocks, uint64_t bytes)
{
    s->blocks += blocks;
    s->bytes += bytes;
}

struct suppression *suppress_first(void) { return first; }

// --- what the log is told -----------------------------------------------------------------------------------------

static void copy_printable(char *out, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (unsigned char)text[i] < ' ' || text[i] == DELETE ? '?' : text[i];
    out[bytes] = 0;
}

// The beginning of some text from outside, fit for a line of the log.
static const char *excerpt(char out[EXCERPT_BYTES], const char *text, size_t bytes)
{
    size_t shown = bytes < EXCERPT_BYTES ? bytes : EXCERPT_BYTES - 4;
    copy_printable(out, text, shown);
    strcpy(out + shown, shown < bytes ? "..." : "");
    return out;
}

// The end of a name: the part of a path that tells.
static const char *name_end(char out[NAME_BYTES], const char *name)
{
    size_t bytes = strlen(name), shown = bytes < NAME_BYTES ? bytes : NAME_BYTES - 4;
    strcpy(out, shown < bytes ? "..." : "");
    copy_printable(out + strlen(out), name + bytes - shown, shown);
    return out;
}

static int refuse(const char *name, int error, const char *why)
{
    char shown[NAME_BYTES];
    log_line("%s: no suppressions read, %s (errno %d)", name_end(shown, name), why, -error);
    return error;
}

// --- reading ------------------------------------------------------------------------------------------------------

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static void trim(char **line, char **end)
{
    while (*line < *end && is_blank(**line))
        ++*line;
    while (*end > *line && is_blank((*end)[-1]))
        --*end;
}

// What is wrong with the line, or NULL; returns its pattern through *pattern, NULL if it has none.
static const char *parse_line(char *line, char *end, const char **pattern)
{
    *pattern = NULL;
    if (line == end || *line == '#')
        return NULL;
    size_t bytes = (size_t)(end - line);
    if (bytes < KIND_BYTES || memcmp(line, KIND, KIND_BYTES) != 0 || memchr(line, 0, bytes))
        return "expected " KIND "PATTERN or # and a comment";
    if (bytes - KIND_BYTES > SUPPRESS_PATTERN_MOST)
        return "expected a pattern of at most 1024 bytes";
    *end = 0; // a blank, the newline, or the zero behind the text
    *pattern = line + KIND_BYTES;
    return NULL;
}

static void add(struct source *source, const char *pattern)
{
    struct suppression *s = &source->list[source->count++];
    s->pattern = pattern;
    *last = s;
    last = &s->next;
}

static void parse(struct source *source, const char *name, char *text, size_t bytes)
{
    char *limit = text + bytes, *next, shown[NAME_BYTES], found[EXCERPT_BYTES];
    unsigned long number = 1, complaints = 0;
    for (char *line = text; line < limit; line = next, number++) {
        const char *pattern;
        char *end = memchr(line, '\n', (size_t)(limit - line));
        end = end ? end : limit;
        next = end + 1;
        trim(&line, &end);
        const char *complaint = parse_line(line, end, &pattern);
        if (pattern)
            add(source, pattern);
        if (complaint && complaints++ < COMPLAINTS_MOST)
            log_line("%s:%lu: %s, found \"%s\": ignored", name_end(shown, name), number, complaint,
                     excerpt(found, line, (size_t)(end - line)));
    }
    if (complaints > COMPLAINTS_MOST)
        log_line("%s: %lu more such lines: ignored", name_end(shown, name), complaints - COMPLAINTS_MOST);
}

int suppress_add_text(const char *name, const char *text, size_t bytes)
{
    if (bytes > SUPPRESS_TEXT_MOST)
        return refuse(name, -EFBIG, "it has more than 1 MiB");
    size_t table_bytes = sizeof(struct source) + (bytes / LINE_LEAST + 1) * sizeof(struct suppression);
    struct source *source = meta_map(table_bytes + bytes + 1);
    if (!source)
        return refuse(name, -ENOMEM, "there is no memory");
    source->mapped_bytes = table_bytes + bytes + 1;
    source->next = sources;
    sources = source;
    parse(source, name, memcpy((char *)source + table_bytes, text, bytes), bytes);
    return 0;
}

// Opens what can be read without waiting: no pipe, whose writer may never come.
static int open_to_read(const char *path)
{
    struct stat status;
    int fd = sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    int error = (int)sys_call3(SYS_fstat, fd, (long)&status, 0);
    if (!error && S_ISDIR(status.st_mode))
        error = -EISDIR;
    else if (!error && !S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode))
        error = -EINVAL;
    if (error)
        sys_close(fd);
    return error ? error : fd;
}

// The bytes that the file has, up to room; or -errno.
static ssize_t read_all(const char *path, char *buffer, size_t room)
{
    size_t held = 0;
    ssize_t got = 0;
    int fd = open_to_read(path);
    if (fd < 0)
        return fd;
    while (held < room && ((got = sys_read(fd, buffer + held, room - held)) > 0 || got == -EINTR))
        held += got > 0 ? (size_t)got : 0;
    sys_close(fd);
    return got < 0 ? got : (ssize_t)held;
}

int suppress_read_file(const char *path)
{
    const size_t room = SUPPRESS_TEXT_MOST + 1; // one more, to see that there is more
    char *buffer = meta_map(room);
    if (!buffer)
        return refuse(path, -ENOMEM, "there is no memory");
    ssize_t bytes = read_all(path, buffer, room);
    int error = bytes < 0 ? refuse(path, (int)bytes, "it cannot be read")
                          : suppress_add_text(path, buffer, (size_t)bytes);
    meta_unmap(buffer, room);
    return error;
}

void suppress_forget_counts(void)
{
    for (struct suppression *s = first; s; s = s->next)
        s->blocks = s->bytes = 0;
}

void suppress_forget(void)
{
    while (sources) {
        struct source *gone = sources;
        sources = gone->next;
        meta_unmap(gone, gone->mapped_bytes);
    }
    first = NULL;
    last = &first;
}
