// An answer: text in private memory that grows as it is written, up to a limit. One is written at a time, by the collector thread.
//
// A1. It consists of whole lines. What comes after the limit is left out, and the last line says so.
// A2. Who takes it owns its memory.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define ANSWER_BYTES_MOST ((size_t)16 << 20)

struct answer {
    char *text; // NULL: there was no memory, or it was given back
    size_t bytes, room;
};

void answer_begin(void);
void answer_put(const char *line, size_t bytes);
// An answer has one of these, at its end. The error is a line for people that says what to do.
void answer_ok(void);
void answer_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
// The answer that was begun, with an ok if it ended in nothing.
struct answer answer_take(void);

void answer_free(struct answer *answer); // any thread
