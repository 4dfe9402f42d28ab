// Why a block is alive: the way from a root to it that a walk found (leak/reach.h), each step read again.
//
// A1. Each step of a path that was found was true when it was read again: the word stood there and led to the next block. (Registers,
//     what the kernel holds, and protected pages are not read again.)
// A2. Steps that are alike, from a block of one size and site (as far as sites are known) by a word at the same offset to the next, are one
//     with a count. Of what is still too long the middle is left out, and said to be.
// A3. A way of more than PATH_BLOCKS_MOST blocks is not followed: each would be read again in one go.
#pragma once

#include "leak/reach.h"

enum { PATH_STEPS = 64, PATH_BLOCKS_MOST = 100000 };
#define PATH_ENDS SIZE_MAX

struct path_step {
    uintptr_t base;  // of the block
    size_t bytes;    // that were asked for, or that it has
    size_t slot;     // that it has
    size_t offset;   // of the word in it that leads on; of the last block PATH_ENDS
    uint32_t site;   // 0: not known
    uint64_t blocks; // so many of them
};

enum path_result { PATH_FOUND, PATH_NONE, PATH_MOVED, PATH_TOO_LONG, PATH_NO_MEMORY };

struct path {
    struct reach_root root;
    struct path_step steps[PATH_STEPS]; // from the root on
    size_t count;
    uint64_t blocks,
        left_out; // all of them; those of steps that are not in the list, before its last quarter
};

enum { PATH_FIRST = PATH_STEPS * 3 / 4 }; // steps that are always the first

// The way to the block that begins there. PATH_MOVED: the program has changed it meanwhile. Collector thread.
enum path_result path_to(uintptr_t base, struct path *out);
