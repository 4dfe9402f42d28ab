// The filter with AVX2 (gc/scan_avx2.h). What is left behind the last whole vector is looked at in one more that ends where the piece ends.
// This file alone is compiled with -mavx2; scan_boot chooses it only where the processor has it.
#include "gc/scan_avx2.h"

#include <string.h>

// The words whose upper halves are these of the eight at `at`.
static inline size_t keep(const char *at, unsigned halves, uintptr_t *out)
{
    size_t found = 0;
    for (uintptr_t word; halves; halves &= halves - 1) {
        memcpy(&word, at + 4 * (ptrdiff_t)__builtin_ctz(halves) - 4, sizeof word);
        out[found] = word & SCAN_UNTAGGED;
        found += cage_contains(out[found]);
    }
    return found;
}

static inline size_t keep_unmangled(const char *at, unsigned words, uintptr_t *out)
{
    size_t found = 0;
    for (uintptr_t word; words; words &= words - 1) {
        memcpy(&word, at + 8 * (ptrdiff_t)__builtin_ctz(words), sizeof word);
        out[found] = scan_unmangle(word);
        found += cage_contains(out[found]);
    }
    return found;
}

static inline unsigned words_of(__m256i match)
{
    return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(match));
}

// A vector of which these halves are wanted, and these words for the mangled ones.
static inline size_t filter_vector(const char *at, __m256i vector, unsigned halves, unsigned words,
                                   uintptr_t *out, const struct scan_pattern *p)
{
    __m256i plain = scan_match_halves(vector, p), mangled = scan_match_mangled(vector, p);
    if (!scan_halves_of(_mm256_or_si256(plain, mangled)))
        return 0;
    size_t found = keep(at, scan_halves_of(plain) & halves, out);
    return found + keep_unmangled(at, words_of(mangled) & words, out + found);
}

// The last `count` words of a piece, 1 to 3, and what begins before them and ends in them.
static inline size_t filter_tail(const char *at, size_t bytes, unsigned count, unsigned halves,
                                 uintptr_t *out, const struct scan_pattern *p)
{
    static const int64_t there[8] = {-1, -1, -1, 0, 0, 0};
    if (bytes >= 32) {
        unsigned seen = 4 - count;
        at += bytes - 32;
        return filter_vector(at, scan_load(at), halves & 0xffU << 2 * seen, 0xfU << seen, out, p);
    }
    __m256i mask = scan_load((const char *)(there + 3 - count));
    unsigned inside = (1U << 2 * count) - 1 - 1; // but the first: nothing begins before the piece
    return filter_vector(at, _mm256_maskload_epi64((const long long *)at, mask), halves & inside,
                         (1U << count) - 1, out, p);
}

// `halves` is a constant in each caller: which of a vector's eight may be upper halves.
static inline __attribute__((always_inline)) size_t filter(const char *at, size_t bytes, uintptr_t *out,
                                                           unsigned halves)
{
    const struct scan_pattern p = scan_pattern_of_cage();
    size_t i = 0, found = 0;
    unsigned wanted = halves & ~1U; // nothing begins before the piece
    for (; i + 32 <= bytes; i += 32, wanted = halves)
        found += filter_vector(at + i, scan_load(at + i), wanted, 0xf, out + found, &p);
    if (i < bytes)
        found += filter_tail(at, bytes, (unsigned)(bytes - i) / 8, halves, out + found, &p);
    return found;
}

size_t scan_filter_avx2_4(const void *from, size_t bytes, uintptr_t *out)
{
    return filter(from, bytes, out, SCAN_HALVES_4);
}

size_t scan_filter_avx2_8(const void *from, size_t bytes, uintptr_t *out)
{
    return filter(from, bytes, out, SCAN_HALVES_8);
}

// Machine code comes in pages.
size_t scan_filter_avx2_1(const void *from, size_t bytes, uintptr_t *out)
{
    const struct scan_pattern p = scan_pattern_of_cage();
    const char *at = from;
    size_t i = 0, found = 0;
    for (; i + 40 <= bytes; i += 32) {
        unsigned wanted = i ? 0xff : 0xfe;
        found += filter_vector(at + i, scan_load(at + i), wanted, 0xf, out + found, &p);
        for (unsigned offset = 1; offset < 4; offset++) {
            unsigned halves = scan_halves_of(scan_match_halves(scan_load(at + i + offset), &p));
            found += keep(at + i + offset, halves & wanted, out + found);
        }
    }
    for (unsigned offset = 0; i && offset < 4; offset++) // what begins before the rest and ends in it
        found += keep(at + i + offset, 1, out + found);
    return found + scan_filter_scalar_1(at + i, bytes - i, out + found);
}
