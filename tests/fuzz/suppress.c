// A suppression file as somebody else wrote it: each line is a suppression, nothing, or worth one line of the log; and what
// matches does so by a plainer definition too. The first line of the input is the text that is matched.
#include "leak/suppress.h"

#include "base/log.h"

#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

static size_t lines;

static void check_line(const char *line, size_t bytes)
{
    lines++;
    CLAIM(bytes > 0 && bytes <= LOG_LINE_BYTES && line[bytes - 1] == '\n');
    for (size_t i = 0; i + 1 < bytes; i++)
        CLAIM((unsigned char)line[i] >= ' ' && line[i] != 0x7f);
}

// The glob from here on: at[i] says whether pattern up to where we are takes text up to i. Behind '$' nothing counts.
static bool by_definition(const char *pattern, const char *text)
{
    static bool at[8192];
    size_t bytes = strlen(text);
    bool anchored = *pattern == '^';
    for (size_t i = 0; i <= bytes; i++)
        at[i] = i == 0 || !anchored;
    for (pattern += anchored; *pattern && *pattern != '$'; pattern++) {
        if (*pattern == '*')
            for (size_t i = 1; i <= bytes; i++)
                at[i] |= at[i - 1];
        else
            for (size_t i = bytes + 1; i-- > 0;)
                at[i] = i > 0 && at[i - 1] && text[i - 1] == *pattern;
    }
    bool any = at[bytes];
    for (size_t i = 0; i < bytes && *pattern != '$'; i++)
        any |= at[i];
    return bytes > 0 && any;
}

// With '$' LeakSanitizer tries the first place only, so it may miss what the definition finds.
static void check_pattern(const char *pattern, const char *text)
{
    bool ours = suppress_pattern_matches(pattern, text), definition = by_definition(pattern, text);
    CLAIM(strchr(pattern, '$') ? !ours || definition : ours == definition);
}

static size_t count_lines(const char *text, size_t bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++)
        count += text[i] == '\n' || i + 1 == bytes;
    return count;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    const unsigned char *newline = memchr(data, '\n', size);
    size_t subject_bytes = newline ? (size_t)(newline - data) : size;
    size_t bytes = newline ? size - subject_bytes - 1 : 0, found = 0;
    char *subject = strndup((const char *)data, subject_bytes);
    char *file = malloc(bytes ? bytes : 1); // exact, so that a byte read too far is noticed
    memcpy(file, data + size - bytes, bytes);
    lines = 0;
    log_writer = check_line;
    CLAIM(suppress_add_text("fuzz", file, bytes) == 0);
    const struct suppression *match = suppress_match(subject);
    for (const struct suppression *s = suppress_first(); s; s = s->next, found++) {
        CLAIM(strlen(s->pattern) <= SUPPRESS_PATTERN_MOST && !strchr(s->pattern, '\n'));
        CLAIM(s != match || suppress_pattern_matches(s->pattern, subject));
        check_pattern(s->pattern, subject);
    }
    CLAIM(found + lines <= count_lines(file, bytes) + 1);
    suppress_forget();
    free(subject);
    free(file);
    return 0;
}
