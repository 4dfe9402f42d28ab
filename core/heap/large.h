// Large blocks: whole extents, found from an address by page.
//
// A block has an identifier, its index in a table; the pages map holds the identifier for each page of the block.
//
// L1. pages[] names a block exactly while the block exists: set after the row is filled, cleared before the extent goes.
// L2. An identifier freed while marking runs is reused only after marking ended: a marker that still holds it can
//     mark a row that nobody uses, never the row of another block.
// L3. A row is swept once an epoch, and never in the epoch it was taken in.
// L4. mark is written by markers while marking runs and cleared by the sweep.
#pragma once

#include "heap/cage.h"
#include "heap/note.h"
#include "heap/span.h"

struct large {
    _Atomic uintptr_t base; // 0: the row is unused
    _Atomic size_t bytes;   // usable; a multiple of a page
    _Atomic uint8_t mark;
    _Atomic bool freed;  // and held back (heap/quarantine.h)
    _Atomic bool sealed; // and inaccessible: nobody reads it (Q5)
    bool noscan;         // it holds no pointers: no marker reads it
    bool noarm;          // libc may hand it to the kernel: never write-protected
    uint32_t next;       // free or limbo list of identifiers
    uint16_t record;     // sweeps that condemned it (heap/probation.h; large.c's lock), and its checksum then
    uint32_t checksum;
    struct note note;
    size_t asked_bytes; // when there is a note
    uint32_t epoch;     // heap_sweep_epoch when the row was taken or last swept (large.c's lock)
};

void large_boot(void);

// A block of at least n+1 bytes. NULL: no memory.
void *large_alloc(size_t n, size_t alignment, bool zeroed, bool noarm);
void large_free(uint32_t id);
// The program used this block: whether it was condemned; it is not any more.
bool large_used(uint32_t id);
// If the last final stop condemned this block and the sweep has not come to it yet: its weak references are cleared.
void large_condemn(uint32_t id);
// Tries to make room for n+1 bytes in place; also gives back a tail. False: it must move.
bool large_resize(uint32_t id, size_t n);

// The identifier of the block on the page of an address inside the cage, or 0.
static inline uint32_t large_id_at(uintptr_t address)
{
    return atomic_load_explicit(&cage.pages[cage_page(address)], memory_order_acquire);
}

// probation_each's part; under large.c's lock.
struct heap_block;
void large_each_condemned(void (*visit)(const struct heap_block *block, unsigned sweeps));

struct large *large_row(uint32_t id);
// Identifiers are below this.
uint32_t large_id_end(void);

// Frees the unmarked blocks when heap_reclaim and clears the marks; then lets limbo go (L2).
void large_sweep(struct sweep_count *count);

void large_fork_prepare(void);
void large_fork_done(void);
