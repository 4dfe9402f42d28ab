// What is in a unit of the cage, for the barrier. Safe at any time and in a stopped world; while the heap changes the answer is one that held
// at some moment since the call.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// A block, or a slot that a thread keeps for one.
bool unit_has_blocks(size_t unit);
// A marked one.
bool unit_has_marks(size_t unit);
// At least half of its slots are marked blocks, or it is part of a marked large one.
bool unit_is_mostly_marked(size_t unit);
