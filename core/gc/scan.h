// The filter: which words of a piece of memory look like heap pointers, i.e. lie inside the cage.
//
// The cage is a power of two in size and alignment, so that is one shift and compare, eight bytes or a vector at a time.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Bytes looked at by one call at most, and candidates that can come of it at a step of one byte.
enum { SCAN_BLOCK_BYTES = 1024, SCAN_MAX_CANDIDATES = SCAN_BLOCK_BYTES + 1 };

// Stores the candidates among the 8-byte words of [from, from+bytes) that begin at multiples of the step (GCPRE_SCAN_ALIGN:
// 1, 4 or 8) from `from`, and returns how many. bytes is a multiple of 8, at most SCAN_BLOCK_BYTES; nothing outside is read.
extern size_t (*scan_filter)(const void *from, size_t bytes, uintptr_t *out);

// The same at a step of one byte, whatever the option says: compilers put pointers into the instructions they make, where
// nothing is aligned (HotSpot's inline caches hold malloc'ed blocks that way).
extern size_t (*scan_filter_code)(const void *from, size_t bytes, uintptr_t *out);

// Chooses for this processor and step.
void scan_boot(unsigned step);

size_t scan_filter_avx2_1(const void *from, size_t bytes, uintptr_t *out);
size_t scan_filter_avx2_4(const void *from, size_t bytes, uintptr_t *out);
size_t scan_filter_avx2_8(const void *from, size_t bytes, uintptr_t *out);
size_t scan_filter_scalar_1(const void *from, size_t bytes, uintptr_t *out);
size_t scan_filter_scalar_4(const void *from, size_t bytes, uintptr_t *out);
size_t scan_filter_scalar_8(const void *from, size_t bytes, uintptr_t *out);
