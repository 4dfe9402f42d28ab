// Size classes, and the bins that spans belong to.
//
// A request of n bytes takes a slot of at least n+1, so that a pointer just behind the block still points into it.
// Classes are multiples of 16: each 16 up to 128, then four steps a doubling, and one class of 2^k + 16 a doubling
// because programs love requests of exactly 2^k.
//
// A bin is a class, or a class whose spans are never write-protected: blocks that libc hands to the kernel by itself
// (stdio's and DIR's buffers) live there when the mprotect barrier is in use (SOUNDNESS S40). Of each there is a second one, noted:
// its blocks have notes (heap/note.h). And there is one for blocks that hold no pointers, whose contents no marker reads.
#pragma once

#include "base/bits.h"

enum {
    CLASS_COUNT = 47,
    SMALL_MAX = 32751, // the largest request a slot can serve: the largest class less one, see class_table
    SLOT_GRAIN = 16,
    ALIGNED_STEPS = 12,      // alignments up to half a span: one of a whole span would waste it
    BIN_NOARM = CLASS_COUNT, // added to a class: never armed
    BIN_NOTED = 2 * CLASS_COUNT,
    BIN_NOSCAN = 2 * BIN_NOTED,
    BIN_COUNT = BIN_NOSCAN + CLASS_COUNT,
};

_Static_assert(BIN_COUNT <= UINT8_MAX, "struct heap_block and struct span keep a bin in a byte");

struct size_class {
    uint32_t size; // bytes of a slot
    uint32_t
        reciprocal;    // ceil(2^32 / size): slot = offset * reciprocal >> 32, exact below 2^16 for size >= 16
    uint16_t slots;    // of a span
    uint16_t last;     // offset of the last one
    uint16_t words;    // slot_words in use
    uint16_t magazine; // slots a thread may keep
};

extern struct size_class class_table[BIN_COUNT]; // constant after boot; repeats itself
extern uint8_t class_of_grain[(SMALL_MAX + 1) / SLOT_GRAIN + 1];
// The smallest class from a class on whose slots are aligned to 2^i times SLOT_GRAIN; CLASS_COUNT: there is none.
extern uint8_t class_aligned[ALIGNED_STEPS][CLASS_COUNT];

void sizeclass_boot(void);

static inline bool bin_is_noarm(unsigned bin) { return bin / CLASS_COUNT & 1; }

static inline bool bin_is_noted(unsigned bin) { return bin - BIN_NOTED < BIN_NOSCAN - BIN_NOTED; }

static inline bool bin_is_noscan(unsigned bin) { return bin >= BIN_NOSCAN; }

// The class for a request of n <= SMALL_MAX bytes.
static inline unsigned class_of(size_t n) { return class_of_grain[(n + SLOT_GRAIN) / SLOT_GRAIN]; }

// The smallest class whose slots hold n+1 bytes, n <= SMALL_MAX, at the given alignment, a power of two of at least SLOT_GRAIN; or -1.
static inline int class_of_aligned(size_t n, size_t alignment)
{
    unsigned step = (unsigned)__builtin_ctzl(alignment / SLOT_GRAIN);
    unsigned class = step < ALIGNED_STEPS ? class_aligned[step][class_of(n)] : CLASS_COUNT;
    return class < CLASS_COUNT ? (int)class : -1;
}

// The slot that an offset into a span falls into; not below `slots` of its class for the tail behind the last slot.
static inline uint32_t slot_of(const struct size_class *c, uint32_t offset)
{
    return (uint32_t)((uint64_t)offset * c->reciprocal >> 32);
}

// Whether an offset is the start of a slot (Lemire, Kaser, Kurz: "Faster remainder by direct computation", 2019), and not
// of the tail behind the last.
static inline bool slot_starts_at(const struct size_class *c, uint32_t offset)
{
    return ((uint32_t)((uint64_t)offset * c->reciprocal) < c->reciprocal) & (offset <= c->last);
}
