// GCPRE_VERIFY: proves a concurrent mark by marking again, from nothing, with the world stopped.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// A stale word may name a slot that is free when the concurrent mark comes by and allocated when the second mark does: no
// block was missed then, the word is no reference. So the concurrent mark notes what it passed over, and before the comparison
// whatever of that is allocated now is marked too.

// Before a cycle: room for the notes; called when the option asks for verification.
void verify_begin(bool keep);
// In a forked child: whatever the collector was about to unmap at that moment is left alone.
void verify_fork_child(void);
// The concurrent mark passed over this value: it points at no block now. Any thread.
void verify_note(uintptr_t value);
extern bool verify_noting;
// Calls take(value) for everything noted. World stopped.
void verify_noted(void (*take)(uintptr_t value));

// `again` marks everything from scratch. Aborts, naming the block, if it reaches one that the first mark missed.
// World stopped, marking complete.
void verify_marks(void (*again)(void));
