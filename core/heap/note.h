// Notes: what is remembered of single blocks when leaks are hunted: where each was allocated, how many bytes were asked for, when.
//
// A span of a noted bin (heap/sizeclass.h) has a note for each slot, in private memory; a large block's is in its row.
//
// N1. The allocating thread writes a block's note before it hands the block out; who frees the block clears its site before the slot
//     can be anybody else's. So a note with a site belongs to an allocated block, or to one that is being made or freed just now.
// N2. A span's notes stay as long as the span is in a noted bin. Afterwards the collector frees them, between two cycles: it alone
//     reads notes of blocks that are not its own.
// N3. flags (but for NOTE_NOSCAN and NOTE_FINAL) and holder are the collector's, until the block is freed: then holder keeps the site, for who frees it again.
// N4. From then on frame and order say who freed it: the return address of that call, and the site of its stack (0: not known).
#pragma once

#include "heap/span.h"

enum note_flag {
    NOTE_LOST = 1 << 0,    // condemned in this cycle or before, and told of
    NOTE_IGNORED = 1 << 1, // by note_ignore, or between __lsan_disable and __lsan_enable
    NOTE_NOSCAN = 1 << 2,  // the block holds no pointers; written with the note
    NOTE_WEAK = 1 << 3,    // a walk found it held weakly (leak/weak.h)
    NOTE_FINAL = 1 << 4,   // it has or had a finalizer: the program left it to the collector
};

struct note {
    _Atomic uint32_t site; // of the leak layer; 0: none
    uint32_t born;         // cycles that had ended
    uint64_t
        holder; // where a pointer to it was seen last (gc/holder.h), 0: not known; of a freed block its site
    uint32_t
        order; // grows from one of the thread's allocations to the next; of a sample, how many blocks it stands for
    uintptr_t frame;        // where the call that allocated it has its return address; 0: not known
    uint16_t bytes;         // that were asked for, of a small block
    _Atomic uint16_t flags; // enum note_flag
};

// Makes sure that a span can note in this bin, and forgets what it noted. False: no memory. The span is the caller's alone.
bool notes_open(struct span *s, unsigned bin);
// The sweeper frees these slots of word w.
void notes_clear(struct span *s, unsigned w, uint64_t dead);
// Frees what spans that left their bins had (N2). Collector thread, no cycle under way.
void notes_collect(void);

struct notes {
    struct notes *next; // in limbo
    size_t capacity;
    struct note list[];
};

// The note of a slot that starts at p, in a span of a noted bin of this class.
static inline struct note *note_in_span(uintptr_t p, const struct size_class *c)
{
    uint32_t offset = (uint32_t)(p - cage.base) & (UNIT_BYTES - 1);
    return &cage.spans[cage_unit(p)].notes->list[slot_of(c, offset)];
}

enum { NOTE_NO_LEAK = NOTE_IGNORED | NOTE_FINAL };

// The block that starts at this address is given up: it is no leak, nor is what it leads to. Nothing where there is no note.
void note_ignore(uintptr_t address);

struct heap_block;
// The program sets a finalizer of this allocated block, or takes it away.
void note_finalizer(const struct heap_block *b, bool set);
// The note of an allocated block, NULL when it has none; and the bytes that were asked for.
struct note *note_of(const struct heap_block *b);
size_t note_bytes(const struct heap_block *b);
