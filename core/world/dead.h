// Stacks of ended threads that the C library keeps for the next ones. They are writable mappings, so roots, and full of what the thread
// left behind. Used while leaks are hunted (the garbage collector by itself can do without: nothing is reclaimed that should not be).
//
// X1. Only stacks that the C library mapped itself are noted, from the thread's descriptor (which lies at the upper end) down.
// X2. A noted stack is dead while the kernel does not know the thread any more, the descriptor still points to itself in both places
//     where the ABI has it do so, and the thread number in it is 0, which the kernel stored at the end, or negative, which the C library did. Who takes
//     the stack again stores a number before the new thread runs; who unmaps it takes the descriptor away.
// X3. The descriptor's header stays a root: it leads to blocks that are used again with the stack. The rest of it is dead when the
//     thread has been joined, and the number is negative: before that it holds the thread's result.
#pragma once

#include "world/roots.h"

#include <sys/types.h>

// Finds where the C library has the thread number in its descriptor; without that nothing is noted. Main thread, at boot.
void dead_boot(void);
// The calling thread ends; its stack is the C library's own and begins at lo.
void dead_note(uintptr_t lo);
// Adds those that are dead now to out; returns how many. Collector.
size_t dead_stacks(struct roots_hole *out, size_t room);
