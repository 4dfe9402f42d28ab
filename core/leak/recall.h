// Stacks recalled: most allocations come with a stack that their thread had a moment ago.
//
// Per thread a small table, by the caller and the stack pointer of a call. An entry says where on the stack the return addresses of its
// site were. When all of them are there still, the stack is the same: reading a dozen words replaces the unwinding.
//
// R1. Where the return addresses are is learned from the unwinder, the second time that the same site comes from the same place: once
//     costs a few microseconds.
//     It is paid for by what was recalled before: a thread whose stacks never come back does not learn.
// R2. A frame whose size its function decided anew (alloca) may leave an old return address where one was: then the block is counted
//     for a stack that this thread had before, with the same innermost frames.
// R3. A retired site (leak/site.h, S3) is not recalled.
// R4. A signal's handler that allocates finds no entry half changed: while its thread learns it neither recalls nor learns.
#pragma once

#include <stdint.h>

// The site of the stack at this frame of ours, called by the program's `caller`; 0: not known.
uint32_t recall(const void *caller, uintptr_t frame);
// It was this site. Outside critical sections.
void recall_learn(const void *caller, uintptr_t frame, uint32_t site);

void recall_thread_exit(void);
// The lock may have been another thread's.
void recall_fork_child(void);
