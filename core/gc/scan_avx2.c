// The filter with AVX2: 32 bytes an operation, and again shifted by four bytes for pointers in packed
// structures, or by each of eight for code.
// This file alone is compiled with -mavx2; scan_boot chooses it only where the processor has it.
#include "gc/scan.h"

#include "heap/cage.h"

#include <immintrin.h>
#include <string.h>

// What a vector is compared with.
struct pattern {
    __m256i prefix, guard;
    __m128i shift, untagged_shift;
};

static inline size_t keep(const char *at, unsigned mask, uintptr_t *out)
{
    size_t found = 0;
    for (uintptr_t word; mask; mask &= mask - 1) {
        memcpy(&word, at + 8 * (unsigned)__builtin_ctz(mask), sizeof word);
        out[found++] = word & SCAN_UNTAGGED;
    }
    return found;
}

static inline size_t keep_unmangled(const char *at, unsigned mask, uintptr_t *out)
{
    size_t found = 0;
    for (uintptr_t word; mask; mask &= mask - 1) {
        memcpy(&word, at + 8 * (unsigned)__builtin_ctz(mask), sizeof word);
        out[found++] = scan_unmangle(word);
    }
    return found;
}

static inline unsigned mask_of(__m256i equal)
{
    return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(equal));
}

static inline unsigned inside(const char *at, const struct pattern *p)
{
    __m256i words = _mm256_slli_epi64(_mm256_loadu_si256((const __m256i *)at), 16);
    return mask_of(_mm256_cmpeq_epi64(_mm256_srl_epi64(words, p->untagged_shift), p->prefix));
}

static inline unsigned mangled_inside(const char *at, const struct pattern *p)
{
    __m256i words = _mm256_loadu_si256((const __m256i *)at);
    __m256i rotated = _mm256_or_si256(_mm256_srli_epi64(words, 17), _mm256_slli_epi64(words, 47));
    __m256i plain = _mm256_xor_si256(rotated, p->guard);
    return mask_of(_mm256_cmpeq_epi64(_mm256_srl_epi64(plain, p->shift), p->prefix));
}

// `step` is a constant in each caller, so the loop over the shifts is unrolled.
static inline __attribute__((always_inline)) size_t filter(const char *at, size_t bytes, uintptr_t *out,
                                                           unsigned step)
{
    const struct pattern p = {_mm256_set1_epi64x((long long)(cage.base >> cage.shift)),
                              _mm256_set1_epi64x((long long)scan_guard), _mm_cvtsi32_si128((int)cage.shift),
                              _mm_cvtsi32_si128((int)cage.shift + 16)};
    size_t i = 0, found = 0;
    for (; i + 40 <= bytes; i += 32) {
        unsigned hits = 0, mangled = mangled_inside(at + i, &p);
        for (unsigned offset = 0; offset < 8; offset += step)
            hits |= inside(at + i + offset, &p) << offset / step * 4;
        if (__builtin_expect(hits != 0, 0))
            for (unsigned offset = 0; offset < 8; offset += step)
                found += keep(at + i + offset, hits >> offset / step * 4 & 15, out + found);
        if (__builtin_expect(mangled != 0, 0))
            found += keep_unmangled(at + i, mangled, out + found);
    }
    for (; i + 8 <= bytes; i += step) {
        uintptr_t word;
        memcpy(&word, at + i, sizeof word);
        out[found] = word & SCAN_UNTAGGED;
        found += cage_contains(out[found]);
        if (i % 8 == 0) {
            out[found] = scan_unmangle(word);
            found += cage_contains(out[found]);
        }
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
