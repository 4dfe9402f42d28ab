// The grey pool: blocks that are marked but not scanned yet, in chunks that workers hand to each other.
//
// An entry is a slot's address, or the address of a piece of a large block with the low bit set.
// Y1. A chunk belongs to one worker, or to the pool; the pool's lists are under its lock.
// Y2. When no chunk can be had an entry is lost: grey_overflowed says so and the cycle reclaims nothing.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GREY_CHUNK_ENTRIES = 1022 };

struct grey_chunk {
    struct grey_chunk *next;
    size_t count;
    uintptr_t entries[GREY_CHUNK_ENTRIES];
};

// An empty chunk; NULL when there is no memory (Y2, recorded).
struct grey_chunk *grey_new(void);
void grey_drop(struct grey_chunk *chunk);

void grey_give(struct grey_chunk *chunk); // full or partly full
struct grey_chunk *grey_take(void);       // NULL: the pool is empty
bool grey_is_empty(void);

// Workers that look for something to do.
extern _Atomic unsigned grey_hungry;

bool grey_overflowed(void);
void grey_reset(void); // before a cycle, and in a forked child: forgets everything

void grey_fork_prepare(void);
void grey_fork_done(void);
