// What is known of the program's errors with blocks, behind the line that tells of one (heap/misuse.h): where the block was allocated,
// where it was freed first, and where the error was made.
//
// By tier: while leaks are hunted whole stacks, of the first free under GCPRE_FREE=quarantine only, else its caller. Without the hunt the
// callers alone, and of the first free only under quarantine; where a block was allocated nobody knows then.
#pragma once

#include "heap/misuse.h"

// Any thread, outside critical sections; also in a handler for a fault of the program's.
void errors_tell(const struct misuse *seen);
