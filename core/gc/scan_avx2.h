// What the filter looks for, with AVX2. In a vector of eight 32-bit halves every one may be the upper half of a pointer that begins four
// bytes before it: whether it is takes one mask and one compare, as it does whether a 64-bit word is a mangled pointer. So 32 bytes take a
// load and four operations, packed structures included.
//
// A1. The halves have all of an address that the shift of the cage leaves, if the cage has 4 GiB or more. In a smaller cage they are too
//     few bits: who takes a word looks at all of it.
// A2. Who takes a word reads it again, and it may have changed: another reason to look at all of it.
// To be used only where the processor has AVX2, in functions of that target.
#pragma once

#include "gc/scan.h"
#include "heap/cage.h"

#include <immintrin.h>

#define AVX2_INLINE static inline __attribute__((always_inline, target("avx2,bmi")))

// What vectors are compared with, after a mask.
struct scan_pattern {
    __m256i half_mask, half, mangled_mask, mangled;
};

static inline uintptr_t scan_mangle(uintptr_t word) { return word << 17 | word >> 47; }

AVX2_INLINE struct scan_pattern scan_pattern_of_cage(void)
{
    uintptr_t same = ~0UL << cage.shift, half = (same & SCAN_UNTAGGED) >> 32;
    return (struct scan_pattern){
        _mm256_set1_epi32((int)half),
        _mm256_set1_epi32((int)(cage.base >> 32 & half)),
        _mm256_set1_epi64x((long long)scan_mangle(same)),
        _mm256_set1_epi64x((long long)scan_mangle((cage.base ^ scan_guard) & same)),
    };
}

AVX2_INLINE __m256i scan_load(const char *at) { return _mm256_loadu_si256((const __m256i *)at); }

AVX2_INLINE __m256i scan_match_halves(__m256i words, const struct scan_pattern *p)
{
    return _mm256_cmpeq_epi32(_mm256_and_si256(words, p->half_mask), p->half);
}

AVX2_INLINE __m256i scan_match_mangled(__m256i words, const struct scan_pattern *p)
{
    return _mm256_cmpeq_epi64(_mm256_and_si256(words, p->mangled_mask), p->mangled);
}

AVX2_INLINE unsigned scan_halves_of(__m256i match)
{
    return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(match));
}

enum { SCAN_SMALL_MOST = 256 };

// Of a piece of `bytes`, a multiple of 16 up to SCAN_SMALL_MOST: a bit for each half that is a pointer's upper one; all bits when there is
// a mangled pointer somewhere.
AVX2_INLINE uint64_t scan_small(const char *at, size_t bytes, const struct scan_pattern *p)
{
    __m256i mangled = _mm256_setzero_si256();
    uint64_t halves = 0;
    size_t i = 0;
    for (; i + 32 <= bytes; i += 32) {
        __m256i words = scan_load(at + i);
        halves |= (uint64_t)scan_halves_of(scan_match_halves(words, p)) << i / 4;
        mangled = _mm256_or_si256(mangled, scan_match_mangled(words, p));
    }
    if (i < bytes) { // 16 bytes; of what the compare makes of the zeros above them nothing is taken
        __m256i words = _mm256_zextsi128_si256(_mm_loadu_si128((const __m128i *)(at + i)));
        halves |= (uint64_t)(scan_halves_of(scan_match_halves(words, p)) & 0xf) << i / 4;
        mangled = _mm256_or_si256(
            mangled, _mm256_zextsi128_si256(_mm256_castsi256_si128(scan_match_mangled(words, p))));
    }
    return _mm256_testz_si256(mangled, mangled) ? halves & ~1UL : UINT64_MAX;
}
