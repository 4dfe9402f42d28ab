// Roots that the program named: memory that the kernel's map does not show as private and writable, or that is a block without pointers,
// and holds pointers into the heap all the same (gcpre_add_roots, __lsan_register_root_region).
//
// R1. A region is a root from the call that adds it until the one that removes it, whatever mapping lies there. One that cannot be read
//     at the stop is a root that could not be read: the cycle reclaims nothing.
// R2. What is added twice has to be removed twice.
//
// Thread-safe; not in a signal handler. The collector reads the table in a stopped world too: nobody holds its lock then.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// False: no memory.
bool regions_add(uintptr_t lo, uintptr_t hi);
// False: it was not added, or has been removed.
bool regions_remove(uintptr_t lo, uintptr_t hi);

// Each one once.
void regions_each(void (*visit)(uintptr_t lo, uintptr_t hi));

void regions_fork_prepare(void);
void regions_fork_done(void);
