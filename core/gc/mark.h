// Marking: from words that look like pointers to marked blocks, and on through their contents.
//
// A marker is one worker's state: a local chunk of grey entries and two short queues that hide memory latency. A
// candidate waits in the first while its mark word is fetched, a block in the second while its contents are (the idea:
// Cher, Hosking, Vitek: "Software prefetching for mark-sweep garbage collection", 2004).
//
// M1. A block is marked by one atomic OR; who set the bit pushes the block; a marked block is scanned once.
// M2. Only allocated slots are scanned: a pointer to a free slot is a stale one. Beside the program the slot is marked, so that who
//     comes to live there is black (heap/taint.h): its words are then all written after the mark, or it is seen here to be a block.
// M3. A marker reads memory of the cage only below its top, racing with the program; whatever it misses in a block lies on
//     a page that was written since the barrier was armed, and is seen again by mark_rescan.
// M4. Between two calls a marker holds nothing: mark_settle returns everything to the pool.
#pragma once

#include "gc/grey.h"
#include "gc/holder.h"
#include "gc/scan.h"
#include "heap/heap.h"

enum { MARK_PENDING = 32, MARK_AHEAD = 32 };

// A word that looks like a pointer, and what it points to.
struct candidate {
    uintptr_t block; // 0: none; of a large block, and of what is none, any address in it
    size_t slot;     // its number in cage.words, a bit a slot; MARK_LARGE: it is not in a span
};
#define MARK_LARGE SIZE_MAX

struct marker {
    struct grey_chunk *local;
    struct candidate pending[MARK_PENDING]; // their mark words are being fetched; a ring
    uintptr_t ahead[MARK_AHEAD];            // entries whose contents are being fetched; a ring
    uintptr_t
        pending_value[MARK_PENDING];     // the words themselves, while verification takes notes (gc/verify.h)
    uint64_t pending_from[MARK_PENDING]; // where each stood, while holders are wanted (gc/holder.h)
    uint64_t from;                       // the next candidate's
    uintptr_t moved;                     // what is scanned is a copy: its original's address less its own
    uint8_t origin;                      // enum holder_kind of what is scanned
    unsigned pending_at, ahead_at, ahead_count;
    uintptr_t found
        [SCAN_MAX_CANDIDATES]; // in the block of words that is scanned: a thread that assists may have little stack
    uint64_t scanned_bytes, marked_blocks, marked_bytes; // since the cycle began
};

// What is scanned from now on is of this kind, and at an address that differs by `moved`: for holders.
void mark_origin(struct marker *m, enum holder_kind kind, uintptr_t moved);
// Takes each word of memory that looks like a pointer as one. bytes is a multiple of 8.
void mark_words(struct marker *m, const void *words, size_t bytes);
// The same at every byte: machine code.
void mark_code(struct marker *m, const void *words, size_t bytes);
void mark_candidate(struct marker *m, uintptr_t value);
// A slot that is free for its thread alone (in a magazine): marked, not scanned.
// Whether that was news.
bool mark_slot_black(void *p);
// Takes that back. The slot's span is what it was.
void mark_slot_white(void *p);

// Scans grey blocks until there is none left in this marker or the pool, or about `budget` bytes were scanned.
// Returns whether it ran dry.
bool mark_drain(struct marker *m, uint64_t budget);
// Hands everything over to the pool.
void mark_settle(struct marker *m);

// Scans what the block that begins at base holds, which is not marked for it.
void mark_contents(struct marker *m, uintptr_t base);
// Scans again what the marked blocks on these pages hold. lo, hi are page boundaries inside the cage.
void mark_rescan(struct marker *m, uintptr_t lo, uintptr_t hi);

// Clears every mark bit of the heap. No marker may run.
void mark_clear_all(void);
