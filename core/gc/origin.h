// Origins: what of a stopped thread refers to blocks. For everybody who traces: cycles (gc/cycle.c), looks (leak/reach.c).
#pragma once

#include "gc/holder.h"
#include "world/roots.h"
#include "world/thread.h"

// Words in memory that may be pointers; the whole stops being readable when the thread goes on.
typedef void origin_words(const void *words, size_t bytes, enum holder_kind kind);

// Calls take with what is in use of the thread's stack (HOLDER_STACK) and with its registers (HOLDER_OTHER), and take_value with a stack
// pointer into a block.
void origins_of_thread(const struct thread *t, origin_words *take, void (*take_value)(uintptr_t value));

// Its stack, no root: origins_of_thread has what is in use of it, and the rest is dead. False: it stands on another stack, and its own is
// the program's memory like any.
bool origins_hole(const struct thread *t, struct roots_hole *out);
