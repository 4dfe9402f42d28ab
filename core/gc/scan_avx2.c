// The filter with AVX2: 32 bytes an operation, and once more shifted by four bytes for pointers in packed structures.
// This file alone is compiled with -mavx2; scan_boot chooses it only where the processor has it.
#include "gc/scan.h"

#include "heap/cage.h"

#include <immintrin.h>
#include <string.h>

static inline size_t keep(const char *at, unsigned mask, uintptr_t *out)
{
    size_t found = 0;
    for (; mask; mask &= mask - 1)
        memcpy(&out[found++], at + 8 * (unsigned)__builtin_ctz(mask), sizeof out[0]);
    return found;
}

static inline unsigned inside(const char *at, __m128i shift, __m256i prefix)
{
    __m256i words = _mm256_loadu_si256((const __m256i *)at);
    __m256i equal = _mm256_cmpeq_epi64(_mm256_srl_epi64(words, shift), prefix);
    return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(equal));
}

static inline size_t filter(const char *at, size_t bytes, uintptr_t *out, bool halves)
{
    const __m128i shift = _mm_cvtsi32_si128((int)cage.shift);
    const __m256i prefix = _mm256_set1_epi64x((long long)(cage.base >> cage.shift));
    size_t i = 0, found = 0;
    for (; i + 36 <= bytes; i += 32) {
        unsigned aligned = inside(at + i, shift, prefix);
        unsigned shifted = halves ? inside(at + i + 4, shift, prefix) : 0;
        if (__builtin_expect(aligned | shifted, 0)) {
            found += keep(at + i, aligned, out + found);
            found += keep(at + i + 4, shifted, out + found);
        }
    }
    for (; i + 8 <= bytes; i += halves ? 4 : 8) {
        uintptr_t word;
        memcpy(&word, at + i, sizeof word);
        out[found] = word;
        found += cage_contains(word);
    }
    return found;
}

size_t scan_filter_avx2_4(const void *from, size_t bytes, uintptr_t *out)
{
    return filter(from, bytes, out, true);
}

size_t scan_filter_avx2_8(const void *from, size_t bytes, uintptr_t *out)
{
    return filter(from, bytes, out, false);
}
