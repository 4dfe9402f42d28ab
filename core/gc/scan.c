#include "gc/scan.h"

#include "heap/cage.h"
#include "sys/context.h"
#include "sys/cpu.h"

#include <string.h>

size_t (*scan_filter)(const void *from, size_t bytes, uintptr_t *out) = scan_filter_scalar_4;
size_t (*scan_filter_code)(const void *from, size_t bytes, uintptr_t *out) = scan_filter_scalar_1;

static inline size_t filter(const char *at, size_t bytes, uintptr_t *out, size_t step)
{
    size_t found = 0;
    for (size_t i = 0; i + 8 <= bytes; i += step) {
        uintptr_t word;
        memcpy(&word, at + i, sizeof word);
        out[found] = word & SCAN_UNTAGGED; // stored always, counted when it is one: no branch to mispredict
        found += cage_contains(out[found]);
        if (i % 8 == 0) {
            out[found] = scan_unmangle(word);
            found += cage_contains(out[found]);
        }
    }
    return found;
}

size_t scan_filter_scalar_1(const void *from, size_t bytes, uintptr_t *out)
{
    return filter(from, bytes, out, 1);
}

size_t scan_filter_scalar_4(const void *from, size_t bytes, uintptr_t *out)
{
    return filter(from, bytes, out, 4);
}

size_t scan_filter_scalar_8(const void *from, size_t bytes, uintptr_t *out)
{
    return filter(from, bytes, out, 8);
}

uint64_t scan_guard, scan_halves;

void scan_boot(unsigned step)
{
    scan_guard = context_pointer_guard();
    bool vectors = cpu_has_avx2();
    scan_filter_code = vectors ? scan_filter_avx2_1 : scan_filter_scalar_1;
    scan_filter = step == 1   ? scan_filter_code
                  : step == 8 ? (vectors ? scan_filter_avx2_8 : scan_filter_scalar_8)
                              : (vectors ? scan_filter_avx2_4 : scan_filter_scalar_4);
    scan_halves = !vectors || step == 1 ? 0 : UINT64_MAX / 0xff * (step == 8 ? SCAN_HALVES_8 : SCAN_HALVES_4);
}
