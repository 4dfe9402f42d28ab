// Trails: which call freed a block, of the last frees of each thread. For the report of an error that is made with the block
// afterwards, while it is held back (heap/quarantine.h).
//
// A thread writes a row of its own from one end to the other, and over again. Nothing is looked up until an error is made: then all rows
// are read. So a free costs two stores to lines that are in the cache.
//
// W1. A row is written by its thread alone; who reads it may meet the halves of two entries, and tells of a wrong call at the worst.
// W2. Rows are never given back: that of a thread that has ended keeps what it holds until a new thread takes it over. A thread that nobody
//     will tell of its end, or that has told already (what the C library frees last), gets none.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { TRAIL_ENTRIES = 1024 };

struct trail;

// This thread frees the block at base by a call with this return address; false: it has no row. Critical sections only the first time, which
// it enters itself.
bool trail_note(uintptr_t base, uintptr_t from);
// The return address of the newest free of that block that is known, 0: none is. Any thread.
uintptr_t trail_find(uintptr_t base);
// The calling thread ends.
void trail_thread_ends(void);
// In a forked child: the other threads do not exist here.
void trail_fork_child(void);
