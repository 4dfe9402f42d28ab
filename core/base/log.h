// One line of text to the user, by write(2) alone: usable on the malloc path, in handlers, in a stopped world.
//
// Formats: %s %c %d %u %ld %lu %x %lx %p %%, field width with 0 or space padding, and %.Nf with a double.
// A line is cut at LOG_LINE_BYTES; it begins with "gcpre[PID]: " and ends with a newline.
#pragma once

#include <stdarg.h>
#include <stddef.h>

enum { LOG_LINE_BYTES = 512 };

// Where lines go: descriptor 2 until somebody sets another writer (the collector thread has no descriptors of the
// program's, see world/collector). The writer gets whole lines.
// The default: standard error, quietly (no SIGPIPE, no SIGXFSZ comes of it).
void log_to_stderr(const char *line, size_t bytes);
extern void (*log_writer)(const char *line, size_t bytes);

void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_line_v(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
// The same without the prefix: the trace has a layout of its own.
void log_raw(const char *format, ...) __attribute__((format(printf, 1, 2)));

// An impossible state: one line, then abort.
_Noreturn void fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

// snprintf's contract over the formats above; returns the bytes that the whole text needs.
size_t format_text(char *buffer, size_t bytes, const char *format, ...) __attribute__((format(printf, 3, 4)));
size_t format_text_v(char *buffer, size_t bytes, const char *format, va_list args);

#ifdef GCPRE_DEBUG
#define debug_check(condition)                                                \
    do {                                                                      \
        if (!(condition))                                                     \
            fatal("%s:%d: %s does not hold", __FILE__, __LINE__, #condition); \
    } while (0)
#else
#define debug_check(condition) ((void)sizeof(condition))
#endif
