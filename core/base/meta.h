// The library's private memory, and the list of address ranges that are ours and therefore never roots.
//
// M1. Every mapping the library makes is in the list before anything is stored in it, until it is unmapped.
// M2. Private memory holds pointers into the cage that must keep nothing alive.
// Thread-safe; callable from the malloc path. All memory comes zeroed. NULL when the kernel has none left.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
    uintptr_t lo;
    uintptr_t hi;
};

// Maps readable and writable pages; bytes are rounded up to pages.
void *meta_map(size_t bytes);
void meta_unmap(void *start, size_t bytes);

// Unmaps what *start, a pointer, points to, unless it is NULL, and makes it NULL first: a child that is forked meanwhile must not find an
// address that is somebody else's by then.
void meta_drop(void *start, size_t bytes);

// Reserves address space that reads as zeros (and costs nothing) until meta_commit makes a part of it writable:
// from its start on, each call going on where the one before ended.
void *meta_reserve(size_t bytes);
bool meta_commit(void *start, size_t bytes);

// Small permanent objects, 64-byte aligned, never given back.
void *meta_alloc(size_t bytes);

// Registers a range as ours / no longer ours. False when the table is full: then nothing may be stored there.
bool meta_own(uintptr_t lo, uintptr_t hi);
void meta_disown(uintptr_t lo, uintptr_t hi);

// Unmaps a range that was registered with meta_own, and forgets it, in one step. False: the kernel refused.
bool meta_unmap_foreign(void *start, size_t bytes);

// Copies the list, sorted by address, into out (at most `room`); returns the number of ranges there are.
size_t meta_ranges(struct range *out, size_t room);

// Bytes mapped and reserved by meta_map and meta_alloc (committed reservations not included).
size_t meta_mapped_bytes(void);

// Fork: the lock is taken before, and given back in both processes.
void meta_fork_prepare(void);
void meta_fork_done(void);
