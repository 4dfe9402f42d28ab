// Arithmetic on words and sizes.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

enum { PAGE_SHIFT = 12 };
#define PAGE_BYTES ((size_t)1 << PAGE_SHIFT)

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)
#define TIB ((size_t)1 << 40)

static inline size_t align_up(size_t n, size_t power_of_two)
{
    return (n + power_of_two - 1) & ~(power_of_two - 1);
}

static inline size_t align_down(size_t n, size_t power_of_two) { return n & ~(power_of_two - 1); }

static inline bool is_power_of_two(size_t n) { return n && !(n & (n - 1)); }

static inline size_t min_size(size_t a, size_t b) { return a < b ? a : b; }

static inline size_t max_size(size_t a, size_t b) { return a > b ? a : b; }

// The lowest `count` set bits of `word`.
static inline uint64_t lowest_bits(uint64_t word, unsigned count)
{
    uint64_t rest = word;
    while (count-- && rest)
        rest &= rest - 1;
    return word ^ rest;
}
