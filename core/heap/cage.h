// The cage: the one address range that holds every heap block, and the tables that describe it.
//
// Glossary.  cage: a power-of-two sized and aligned range, reserved inaccessible.  top: everything below is committed
// (readable and writable, for good).  unit: 64 KiB of the cage, the size of a span.  page: 4 KiB.
//
// K1. Committed memory never becomes inaccessible again: a marker may be reading it. (Where nobody may: heap/quarantine.h, Q5.)
// K2. The tables can be read at any index of the cage; beyond top they read as zero, which means "no block here".
// K3. No metadata lives inside the cage.
#pragma once

#include "base/bits.h"

#include <stdatomic.h>

enum { UNIT_SHIFT = 16, WORDS_PER_SPAN = 64 };
#define UNIT_WATCHED (1u << 31) // in cage.units: some block of the span is condemned (heap/probation.h)
#define UNIT_BYTES   ((size_t)1 << UNIT_SHIFT)

// 64 slots of a span. In one line of the cache for every marker: whether a slot is a block, and whether it is marked.
struct slot_word {
    _Atomic uint64_t mark;
    _Atomic uint64_t free;
};

struct span;

struct cage {
    uintptr_t base;          // constant after boot, as are shift and the tables
    uintptr_t bytes;         // 1 << shift
    unsigned shift;          // address >> shift == base >> shift: inside
    _Atomic uint32_t *units; // per unit: bin + 1 of its span and UNIT_WATCHED, 0 when it is none
    _Atomic uint32_t *pages; // per page: identifier of the large block on it, 0 when there is none
    struct slot_word *words; // per unit: WORDS_PER_SPAN
    struct span *spans;      // per unit
    _Atomic uint8_t *taints; // per unit (heap/taint.h)
    _Atomic uintptr_t top;   // monotone; written under the cage's lock
    _Atomic uintptr_t limit; // end of the carved part; written under the cage's lock
};

extern struct cage cage;

// Reserves the range: as large as the limits allow, at most 1 TiB. False when not even the smallest could be had.
bool cage_boot(void);

// Looks at RLIMIT_AS and RLIMIT_DATA again: the program may have changed them. Not where a filter may forbid the call (SOUNDNESS S53).
void cage_read_limits(void);

// Carves `bytes` (a multiple of a page) aligned to `alignment` out of fresh, zeroed memory. NULL: no memory.
void *cage_carve(size_t bytes, size_t alignment);

// Bytes of the tables that describe what was carved.
size_t cage_table_bytes(void);

void cage_fork_prepare(void);
void cage_fork_done(void);

static inline bool cage_contains(uintptr_t address) { return address - cage.base < cage.bytes; }

static inline size_t cage_unit(uintptr_t address) { return (address - cage.base) >> UNIT_SHIFT; }

static inline size_t cage_page(uintptr_t address) { return (address - cage.base) >> PAGE_SHIFT; }

static inline uintptr_t cage_top(void) { return atomic_load_explicit(&cage.top, memory_order_acquire); }

// bin + 1 of the span on a unit, 0 when there is none.
static inline uint32_t cage_bin_plus_one(size_t unit)
{
    return atomic_load_explicit(&cage.units[unit], memory_order_acquire) & ~UNIT_WATCHED;
}
