// Suppressions in LeakSanitizer's format: leaks that the report leaves out, and how many there were of each.
//
// A line is "leak:PATTERN", a comment that begins with '#', or blank; blanks around it do not count. In a pattern '*' stands for
// any text, '^' at the beginning and '$' for where the text begins and ends; without them the pattern may match in the middle.
// The semantics are those of sanitizer_common's TemplateMatch to the letter, so that a file does here what it does there.
//
// X1. Suppressions are in the order in which they were added; the first that matches is the one that counts.
// X2. A line that is no suppression costs one line of the log, which says where it is and what was expected, and nothing else.
// X3. Patterns are copies in private memory: the text may go away.
// X4. The work is bounded: a pattern is matched in one pass over the text, without going back.
//
// One thread at a time: the collector's, or the one that ends the process when the collector is at rest. Counts are plain words.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SUPPRESS_TEXT_MOST = 1 << 20, // bytes of one source
    SUPPRESS_PATTERN_MOST = 1024, // bytes of one pattern
};

struct suppression {
    struct suppression *next; // in the order of X1
    const char *pattern;
    uint64_t blocks; // what it suppressed
    uint64_t bytes;
};

// Adds the suppressions of a regular file (or of a device such as /dev/null). 0, or -errno when there are none because it cannot be
// read, which has been logged.
int suppress_read_file(const char *path);

// Adds those of a text in memory; `name` is what the log calls it. 0, -EFBIG or -ENOMEM, which has been logged.
int suppress_add_text(const char *name, const char *text, size_t bytes);

// The suppression that is meant for this function, file or module; NULL: none. Empty text and NULL match nothing.
struct suppression *suppress_match(const char *text);
void suppress_count(struct suppression *s, uint64_t blocks, uint64_t bytes);

struct suppression *suppress_first(void);

// Forgets what they suppressed.
void suppress_forget_counts(void);
// Forgets all of them.
void suppress_forget(void);

// Whether the pattern alone matches.
bool suppress_pattern_matches(const char *pattern, const char *text);
