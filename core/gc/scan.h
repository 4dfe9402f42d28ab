// The filter: which words of a piece of memory look like heap pointers, i.e. lie inside the cage.
//
// The cage is a power of two in size and alignment, so that is one shift and compare, eight bytes or a vector at a time.
// Two disguises cost little more and are seen through (SOUNDNESS S13, S16):
//   - tags in the top 16 bits (boost::lockfree, interpreters' values) are masked off;
//   - the frame and stack pointers that setjmp mangles, at every eighth byte: ror(word, 17) ^ %fs:0x30 (glibc,
//     sysdeps/unix/sysv/linux/x86_64/pointer_guard.h).
#pragma once

#include <stddef.h>
#include <stdint.h>

// Bytes looked at by one call at most, and candidates that can come of it at a step of one byte.
enum { SCAN_BLOCK_BYTES = 1024, SCAN_MAX_CANDIDATES = SCAN_BLOCK_BYTES + SCAN_BLOCK_BYTES / 8 + 1 };

// Stores the candidates among the 8-byte words of [from, from+bytes) that begin at multiples of the step (GCPRE_SCAN_ALIGN:
// 1, 4 or 8) from `from`, and returns how many. A word that changes meanwhile may come out as anything, in the cage or not. bytes is a multiple of 8, at most SCAN_BLOCK_BYTES; nothing outside is read.
extern size_t (*scan_filter)(const void *from, size_t bytes, uintptr_t *out);

// The same at a step of one byte, whatever the option says: compilers put pointers into the instructions they make, where
// nothing is aligned (HotSpot's inline caches hold malloc'ed blocks that way).
extern size_t (*scan_filter_code)(const void *from, size_t bytes, uintptr_t *out);

// Of a row of 32-bit halves those that may be upper halves of pointers, at a step of 4 and of 8: for marking with gc/scan_avx2.h. 0: the
// processor does not have AVX2, or the step is 1.
enum { SCAN_HALVES_4 = 0xff, SCAN_HALVES_8 = 0xaa };
extern uint64_t scan_halves;

// Chooses for this processor and step.
void scan_boot(unsigned step);

extern uint64_t scan_guard; // what setjmp mangles with

#define SCAN_UNTAGGED 0x0000ffffffffffffUL // a user-space address has no other bits

static inline uintptr_t scan_unmangle(uintptr_t word) { return (word >> 17 | word << 47) ^ scan_guard; }

size_t scan_filter_avx2_1(const void *from, size_t bytes, uintptr_t *out);
size_t scan_filter_avx2_4(const void *from, size_t bytes, uintptr_t *out);
size_t scan_filter_avx2_8(const void *from, size_t bytes, uintptr_t *out);
size_t scan_filter_scalar_1(const void *from, size_t bytes, uintptr_t *out);
size_t scan_filter_scalar_4(const void *from, size_t bytes, uintptr_t *out);
size_t scan_filter_scalar_8(const void *from, size_t bytes, uintptr_t *out);
