// The filter with AVX2: 32 bytes an operation, and again shifted by four bytes for pointers in packed structures, or by each of
// eight for code. Blocks are small, so what is left behind the last whole vector is looked at in one more that ends where they end.
// This file alone is compiled with -mavx2; scan_boot chooses it only where the processor has it.
#include "gc/scan.h"

#include "heap/cage.h"

#include <immintrin.h>
#include <string.h>

// What a vector is compared with: an address is in the cage when it differs from the base only below its shift.
struct pattern {
    __m256i base, guard; // guard: what mangled words are changed by, less the base
    __m128i shift, untagged_shift;
};

static inline struct pattern pattern_of_cage(void)
{
    __m256i base = _mm256_set1_epi64x((long long)cage.base);
    return (struct pattern){base, _mm256_xor_si256(base, _mm256_set1_epi64x((long long)scan_guard)),
                            _mm_cvtsi32_si128((int)cage.shift), _mm_cvtsi32_si128((int)cage.shift + 16)};
}

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

static inline unsigned zero_words(__m256i words)
{
    __m256i zero = _mm256_cmpeq_epi64(words, _mm256_setzero_si256());
    return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(zero));
}

static inline unsigned inside(__m256i words, const struct pattern *p)
{
    __m256i difference = _mm256_slli_epi64(_mm256_xor_si256(words, p->base), 16);
    return zero_words(_mm256_srl_epi64(difference, p->untagged_shift));
}

static inline unsigned mangled_inside(__m256i words, const struct pattern *p)
{
    __m256i rotated = _mm256_or_si256(_mm256_srli_epi64(words, 17), _mm256_slli_epi64(words, 47));
    return zero_words(_mm256_srl_epi64(_mm256_xor_si256(rotated, p->guard), p->shift));
}

static inline __m256i load(const char *at) { return _mm256_loadu_si256((const __m256i *)at); }

// The three words that begin four bytes behind those of a vector and end in it; the fourth is none.
static inline __m256i between(__m256i words)
{
    return _mm256_permutevar8x32_epi32(words, _mm256_setr_epi32(1, 2, 3, 4, 5, 6, 7, 0));
}

enum { FIRST_THREE = 7 };

static inline size_t keep_all(const char *at, unsigned plain, unsigned shifted, unsigned mangled,
                              uintptr_t *out)
{
    size_t found = 0;
    if (plain | shifted | mangled) {
        found = keep(at, plain, out);
        found += keep(at + 4, shifted, out + found);
        found += keep_unmangled(at, mangled, out + found);
    }
    return found;
}

// The last `count` words of a piece, 1 to 3, and those between them.
static inline size_t filter_tail(const char *at, size_t bytes, unsigned count, uintptr_t *out, unsigned step,
                                 const struct pattern *p)
{
    static const int64_t there[8] = {-1, -1, -1, 0, 0, 0};
    unsigned plain = (1U << count) - 1, shifted = plain >> 1;
    __m256i words;
    if (bytes < 32) {
        words = _mm256_maskload_epi64((const long long *)at, load((const char *)(there + 3 - count)));
    } else {
        at += bytes - 32;
        words = load(at);
        plain <<= 4 - count;
        shifted <<= 4 - count;
    }
    return keep_all(at, inside(words, p) & plain, step == 4 ? inside(between(words), p) & shifted : 0,
                    mangled_inside(words, p) & plain, out);
}

// `step` is a constant in each caller.
static inline __attribute__((always_inline)) size_t filter(const char *at, size_t bytes, uintptr_t *out,
                                                           unsigned step)
{
    const struct pattern p = pattern_of_cage();
    size_t i = 0, found = 0;
    for (; i + 32 <= bytes; i += 32) {
        __m256i words = load(at + i);
        unsigned shifted = step == 8         ? 0
                           : i + 36 <= bytes ? inside(load(at + i + 4), &p)
                                             : inside(between(words), &p) & FIRST_THREE;
        found += keep_all(at + i, inside(words, &p), shifted, mangled_inside(words, &p), out + found);
    }
    if (i < bytes)
        found += filter_tail(at, bytes, (unsigned)(bytes - i) / 8, out + found, step, &p);
    return found;
}

size_t scan_filter_avx2_4(const void *from, size_t bytes, uintptr_t *out)
{
    return filter(from, bytes, out, 4);
}

size_t scan_filter_avx2_8(const void *from, size_t bytes, uintptr_t *out)
{
    return filter(from, bytes, out, 8);
}

// Machine code comes in pages.
size_t scan_filter_avx2_1(const void *from, size_t bytes, uintptr_t *out)
{
    const struct pattern p = pattern_of_cage();
    const char *at = from;
    size_t i = 0, found = 0;
    for (; i + 40 <= bytes; i += 32) {
        for (unsigned offset = 0; offset < 8; offset++)
            found += keep(at + i + offset, inside(load(at + i + offset), &p), out + found);
        found += keep_unmangled(at + i, mangled_inside(load(at + i), &p), out + found);
    }
    return found + scan_filter_scalar_1(at + i, bytes - i, out + found);
}
