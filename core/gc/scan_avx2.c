// The filter with AVX2: 32 bytes an operation, and again shifted by four bytes for pointers in packed
// structures, or by each of eight for code.
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

// `step` is a constant in each caller, so the loop over the shifts is unrolled.
static inline __attribute__((always_inline)) size_t filter(const char *at, size_t bytes, uintptr_t *out,
                                                           unsigned step)
{
    const __m128i shift = _mm_cvtsi32_si128((int)cage.shift);
    const __m256i prefix = _mm256_set1_epi64x((long long)(cage.base >> cage.shift));
    size_t i = 0, found = 0;
    for (; i + 40 <= bytes; i += 32) {
        unsigned hits = 0;
        for (unsigned offset = 0; offset < 8; offset += step)
            hits |= inside(at + i + offset, shift, prefix) << offset / step * 4;
        if (__builtin_expect(hits != 0, 0))
            for (unsigned offset = 0; offset < 8; offset += step)
                found += keep(at + i + offset, hits >> offset / step * 4 & 15, out + found);
    }
    for (; i + 8 <= bytes; i += step) {
        uintptr_t word;
        memcpy(&word, at + i, sizeof word);
        out[found] = word;
        found += cage_contains(word);
    }
    return found;
}

size_t scan_filter_avx2_1(const void *from, size_t bytes, uintptr_t *out)
{
    return filter(from, bytes, out, 1);
}

size_t scan_filter_avx2_4(const void *from, size_t bytes, uintptr_t *out)
{
    return filter(from, bytes, out, 4);
}

size_t scan_filter_avx2_8(const void *from, size_t bytes, uintptr_t *out)
{
    return filter(from, bytes, out, 8);
}
