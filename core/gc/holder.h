// Holders: where the mark phase met the first pointer to a block. Kept in the notes of blocks (heap/note.h) while leaks are hunted.
//
// A holder is one word, 0 for none: its kind in the two highest bits, then an address, or for a pointer inside another noted block
// that block's site and the offset of the pointer in it, which stay true when the block is gone.
#pragma once

#include "heap/heap.h"

#include <stdbool.h>
#include <stdint.h>

enum holder_kind {
    HOLDER_OTHER,
    HOLDER_HEAP,
    HOLDER_ROOT,
    HOLDER_STACK
}; // registers, the kernel; a block; globals, mappings; a stack

enum { HOLDER_KIND_SHIFT = 62, HOLDER_SITE_SHIFT = 42 };
#define HOLDER_PLACE (((uint64_t)1 << HOLDER_KIND_SHIFT) - 1)

extern bool holders_wanted; // constant after boot

static inline uint64_t holder_at(enum holder_kind kind, uintptr_t address)
{
    return (uint64_t)kind << HOLDER_KIND_SHIFT | (address & HOLDER_PLACE);
}

static inline enum holder_kind holder_kind(uint64_t holder)
{
    return (enum holder_kind)(holder >> HOLDER_KIND_SHIFT);
}

// Of HOLDER_HEAP, after holder_note.
static inline uint32_t holder_site(uint64_t holder)
{
    return (uint32_t)((holder & HOLDER_PLACE) >> HOLDER_SITE_SHIFT);
}

static inline uint64_t holder_offset(uint64_t holder)
{
    return holder & (((uint64_t)1 << HOLDER_SITE_SHIFT) - 1);
}

// The first pointer to this block, which is marked now, is at `from` (holder_at's, an address for all kinds).
void holder_note(const struct heap_block *block, uint64_t from);
// Where the pointer with this value is among these words; their beginning when it is there in a disguise.
uintptr_t holder_place(const void *words, size_t bytes, uintptr_t value);
// Whether the value points to a block that no marker has met.
bool holder_is_news(uintptr_t value);
