// What the processor can do, asked of it directly (no libc, no constructor order).
#pragma once

#include <cpuid.h>
#include <stdbool.h>
#include <stdint.h>

// AVX2 present and its registers enabled by the kernel (Intel SDM vol. 1, 14.7.1).
static inline bool cpu_has_avx2(void)
{
    enum { OSXSAVE_AND_AVX = (1 << 27) | (1 << 28), YMM_STATE = 6 };
    unsigned a, b, c, d;
    uint32_t xcr0, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & OSXSAVE_AND_AVX) != OSXSAVE_AND_AVX)
        return false;
    __asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(high) : "c"(0));
    if ((xcr0 & YMM_STATE) != YMM_STATE)
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2);
}

static inline void cpu_relax(void) { __builtin_ia32_pause(); }

// Processors this process may run on; at least 1.
int cpu_count(void);
