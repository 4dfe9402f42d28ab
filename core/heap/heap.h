// The heap: malloc's contract over spans and large blocks. Thread-safe; works from the first instruction of a process.
//
// Sizes are in bytes, alignments are powers of two. Allocation returns NULL when there is no memory; errno is the
// caller's business (preload/malloc.c). Addresses that are not ours are told apart before anything is touched.
#pragma once

#include "base/crit.h"
#include "heap/cache.h"
#include "heap/large.h"
#include "heap/note.h"
#include "heap/sizeclass.h"
#include "heap/span.h"

// What an address is to the heap.
enum heap_kind { HEAP_FOREIGN, HEAP_SMALL, HEAP_LARGE };

struct heap_block {
    enum heap_kind kind;
    bool start;     // the address is the block's first byte
    bool allocated; // false: a small slot that is free (not one that lies in a magazine)
    uintptr_t base;
    size_t bytes; // of the slot or extent
    uint32_t id;  // of a large block
    uint8_t bin;  // of a small one
    bool watched; // it may be condemned (heap/probation.h)
};

// Boots on first use; false when not even the smallest cage could be reserved.
bool heap_boot(void);

// The block that an address points at or into. Safe for any value at any time.
struct heap_block heap_find(uintptr_t address);

void *heap_alloc_slow(size_t n, bool zeroed, bool noarm);
// The same, with a note (heap/note.h) where there is memory for one; alignment is a power of two, at least SLOT_GRAIN, and that when
// zeroed.
struct note_facts {
    uint32_t site; // not 0
    uint32_t order;
    uint16_t flags;
    uintptr_t frame; // 0: not known
};
void *heap_alloc_noted(size_t n, size_t alignment, bool zeroed, bool noarm, struct note_facts facts);
void *heap_alloc_aligned(size_t n, size_t alignment);
// A block that will hold no pointers: nothing that lies in it keeps anything alive.
void *heap_alloc_noscan(size_t n);
// Whether what lies in an allocated block counts: not that of a block without pointers. Any thread.
bool heap_is_scanned(const struct heap_block *b);
void heap_free_slow(void *p);
// realloc of a block of ours, n > 0. The old block stays when the result is NULL.
void *heap_realloc(void *p, size_t n);
// The same; whatever becomes of the block counts as allocated now.
// before: the bytes that the block had.
void *heap_realloc_noted(void *p, size_t n, struct note_facts facts, size_t *before);
// Cycles that have ended, for the notes. Collector.
extern _Atomic uint32_t heap_cycle;
// Bytes the program may use, constant for the block's life (less only after realloc); 0 for what is not ours.
size_t heap_usable(const void *p);

// False: nothing was done, heap_free_slow is for this one.
static inline bool heap_free(void *p)
{
    uintptr_t offset = (uintptr_t)p - cage.base;
    if (likely(offset < cage.bytes)) {
        uint32_t unit = atomic_load_explicit(&cage.units[offset >> UNIT_SHIFT], memory_order_relaxed);
        if (likely(
                unit - 1 <
                BIN_NOTED)) { // a span without notes, none of whose blocks is condemned (heap/probation.h, O4)
            const struct size_class *c = &class_table[unit - 1];
            if (likely(slot_starts_at(c, offset & (UNIT_BYTES - 1))) &&
                likely(magazine_push(&cache_self.plain.magazines[unit - 1], p)))
                return true;
        }
    }
    return false;
}

// The same for noted blocks of a thread that has some in its magazines; NULL or false: the slow path is for it. n <= SMALL_MAX; bin
// is the class, and BIN_NOARM for one that is never armed.
void *heap_alloc_noted_quick(size_t n, unsigned bin, struct note_facts facts);
bool heap_free_noted_quick(void *p, struct note *was);

// Bytes in blocks (and magazines): what was claimed less what was given back and swept.
size_t heap_live_bytes(void);
// Bytes ever allocated and ever freed by the program or the sweeper.
uint64_t heap_allocated_total(void);
void heap_count_alloc(size_t bytes);
void heap_count_free(size_t bytes);
// A span or the large blocks were swept.
void heap_swept(const struct sweep_count *count);
// What the current epoch's sweep found so far.
struct sweep_count heap_sweep_total(void);
// World stopped: everything is due from now on. Condemned blocks wait for `probation` further cycles.
void heap_sweep_begin(bool reclaim, unsigned probation);

// Sweeps whatever is due; returns when all of it is. Collector thread.
void heap_sweep_all(void);
// Sweeps the next few spans that are due; false when everybody's share is taken. Any thread, in a critical section: one that needs
// room looks here before it takes fresh memory, so that the heap does not grow while its sweep is under way.
bool heap_sweep_some(void);

struct misuse;

// Upcalls to the layers above.
struct heap_upcalls {
    void (*first_use)(void);       // a thread comes to the heap for the first time; inside a critical section
    void (*free_foreign)(void *p); // free of what is not ours; outside
    void (*slow_alloc)(void *p);   // after a slow allocation: pacing; outside
    void (*hidden_pointers)(void); // probation found more than it trusts
    void (*misuse)(
        const struct misuse
            *seen); // what is known of an error, behind its line (heap/misuse.h); outside; NULL: nobody knows
    void (*abort)(void);         // the program, after an error (GCPRE_ABORT); outside
    void (*cycle_wanted)(void);  // so much is in quarantine; NULL: nobody runs cycles
    bool (*out_of_memory)(void); // before malloc says no: whether something may have become free; outside
    // The sweep frees a noted block for which so many bytes were asked; NULL: nobody wants to know.
    void (*noted_death)(const struct note *note, size_t bytes);
};
// Supplied by whoever links the heap (preload/malloc.c, the unit tests), so that it is there before any constructor.
extern struct heap_upcalls heap_upcalls;

// This block is free and is freed again.
void heap_report_double_free(void *p);

// The collector reads blocks: from before a cycle, or a look beside the program, until after it. In between nobody but their owners does, so
// what is freed then may be made inaccessible (heap/quarantine.h, Q5).
extern _Atomic bool heap_is_read;

// Every invariant that can be checked while the world is stopped; fatal if one does not hold.
void heap_check(void);

void heap_fork_prepare(void);
void heap_fork_parent(void);
void heap_fork_child(void);
// In the child, when a cycle may have been under way: marks go, what was not swept stays.
void heap_fork_forget_cycle(void);
