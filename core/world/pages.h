// Which pages of a range hold something: by PAGEMAP_SCAN (Linux 6.7), else from /proc/self/pagemap.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum pages_kind {
    PAGES_PRIVATE, // present or swapped, and this process's own: anonymous, or a private file page that was written
    PAGES_ANY,      // present or swapped
    PAGES_RESIDENT, // present, and not the kernel's page of zeros (which older kernels cannot tell)
};

// Calls visit for runs of such pages in [lo, hi), in ascending order; false if the kernel would not tell. Addresses without
// a mapping, and device memory, hold nothing. Collector thread only; usable while the world is stopped.
bool pages_each(uintptr_t lo, uintptr_t hi, enum pages_kind kind, void (*visit)(uintptr_t lo, uintptr_t hi));
