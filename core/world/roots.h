// Roots outside the heap and the stacks: every page of the process that holds private data (globals, TLS, the program's
// own mappings, pages that were written once and are read-only now), and every shared mapping that is writable.
//
// Only pages that are present or swapped are looked at, so sparse mappings cost nothing, and device memory, which the
// kernel leaves out of the page map, is never read (SOUNDNESS S21). Our own memory is left out (base/meta.h, M1). What else the program
// named (world/regions.h) is looked at as it is.
// Collector thread only.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A part of the address space that is not scanned as a root: the dead part of a stack.
struct roots_hole {
    uintptr_t lo, hi;
};

// What is done with a piece of a root, which may be a copy of what is at `address`; code: it lies in an executable mapping, where pointers may stand at any byte.
typedef void roots_scan(const void *words, size_t bytes, uintptr_t address, bool code);

// While threads run: the words are copied before they are looked at, since mappings may go.
void roots_scan_running(const struct roots_hole *holes, size_t count, roots_scan *scan);

// World stopped: in place. NULL, or why some root could not be read: then nothing may be reclaimed.
const char *roots_scan_stopped(const struct roots_hole *holes, size_t count, roots_scan *scan);

// Bytes of roots that the last scan looked at.
size_t roots_bytes(void);

// The mapping that an address lies in; false if there is none.
bool roots_mapping(uintptr_t address, uintptr_t *lo, uintptr_t *hi);

// False: out of memory for its buffers.
bool roots_boot(void);
