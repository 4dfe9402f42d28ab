// GCPRE_VERIFY: proves a concurrent mark by marking again, from nothing, with the world stopped.
#pragma once

// `again` marks everything from scratch. Aborts, naming the block, if it reaches one that the first mark missed.
// World stopped, marking complete.
void verify_marks(void (*again)(void));
