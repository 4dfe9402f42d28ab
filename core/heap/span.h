// Spans: 64 KiB of slots of one size, with two bits a slot.
//
// A slot is a block (or kept for one in a magazine) exactly when its free bit is clear. Everybody gives slots back the
// same way, by one atomic OR into the free word: the thread that frees, another thread that frees, and the sweeper. Nobody owns
// a span's slots. Taking slots is one compare-and-swap that claims free bits of a word.
//
//            span_take (bin lock)                 refill ran through it
//   EMPTY ─────────────────────────▶ CURRENT ──────────────────────────▶ FULL
//     ▲                                 ▲   │ free bits were left          │ somebody gave a slot back
//     │ all slots free (bin lock)       │   ▼                             ▼
//     └──────────────────────────────── PARTIAL ◀─────────────────────────┘
//
// P1. The state changes under the bin's lock only. CURRENT: one thread claims from it, nobody else. Bin and state are
//     one word, read in one load: a span that is FULL or PARTIAL in bin b stays in b while b's lock is held, but
//     one that is EMPTY or CURRENT may come back in any bin (open_span takes no lock).
// P2. A span that is FULL has no free bit, or somebody is about to make it PARTIAL: who sets a free bit looks at the
//     state afterwards; who sets FULL looks at the bits afterwards (both are sequentially consistent).
// P3. Slots are claimed from swept spans only: sweep_epoch is the heap's. While a span's sweep is due its free bits
//     can only grow, and mark bits say what the last cycle proved.
// P4. The geometry (bin) changes only from EMPTY, and a span becomes EMPTY neither while marking runs (a marker that
//     read the old geometry would mark the wrong slot) nor while its sweep is due.
// P5. Mark bits are written by markers while marking runs and by the sweeper, which leaves them clear, or as they are when marks are kept
//     (core/gc/cycle.c, C7). Claiming and freeing never touch them: new blocks are white (or black, where a black one was: heap/taint.h), and
//     whatever was stored in or about them since the barrier was armed is found again through dirty pages and, at the final stop, stacks.
#pragma once

#include "base/lock.h"
#include "heap/cage.h"
#include "heap/sizeclass.h"

enum span_state { SPAN_EMPTY, SPAN_CURRENT, SPAN_PARTIAL, SPAN_FULL };

struct span {
    struct span *next, *prev;     // partial list (bin lock) or pool (pool lock)
    _Atomic uint16_t bin_state;   // bin << 8 | enum span_state: P1, P4
    _Atomic uint32_t sweep_epoch; // P3; SWEEP_BUSY while somebody sweeps it
    struct slab *slab;            // that its memory was cut from (pool lock)
    struct watched *watched;      // condemned blocks (heap/probation.h)
    struct notes *notes;          // of its slots (heap/note.h)
    _Atomic bool pooled;          // it is in the pool (pool lock)
    _Atomic bool
        pinned; // it is not retired: marks of slots in magazines are to be taken back (gc/cycle.c, C7)
    uint64_t pad[1];
};

_Static_assert(sizeof(struct span) == 64, "one cache line a span");

enum { SWEEP_BUSY = 1 }; // epochs are even

// The heap's epoch, advanced by 2 at the final stop of a cycle: from then on every span's sweep is due.
extern _Atomic uint32_t heap_sweep_epoch;
// While true no span becomes EMPTY (P4). Changed by the collector, followed by a handshake with every thread.
extern _Atomic bool heap_marking;
// Whether the sweep that is due leaves the marks as they are; set with the epoch.
extern _Atomic bool heap_keeps_marks;
// Whether the sweep that is due frees what is not marked; set with the epoch.
extern _Atomic bool heap_reclaim;

static inline uintptr_t span_base(const struct span *s)
{
    return cage.base + ((uintptr_t)(s - cage.spans) << UNIT_SHIFT);
}

static inline struct slot_word *span_words(const struct span *s)
{
    return &cage.words[(size_t)(s - cage.spans) * WORDS_PER_SPAN];
}

static inline unsigned span_bin(const struct span *s)
{
    return atomic_load_explicit(&s->bin_state, memory_order_relaxed) >> 8;
}

static inline enum span_state span_state(const struct span *s)
{
    return (enum span_state)(atomic_load(&s->bin_state) & 0xFF);
}

// The bits of word w that stand for slots.
static inline uint64_t span_valid(const struct size_class *c, unsigned w)
{
    unsigned slots = c->slots - w * 64;
    return slots >= 64 ? ~0UL : (1UL << slots) - 1;
}

void span_boot(void);

// A span with free slots, CURRENT and swept, for the caller; NULL when there is no memory.
struct span *span_take(unsigned bin);
// Sweeps it now if that is due (P3): before each row of claims from a span that is CURRENT already.
void span_ready(struct span *s);
// Ends CURRENT.
void span_release(struct span *s);

// Claims up to `want` slots beginning with word *w, which advances; stores their addresses in ascending order.
unsigned span_claim(struct span *s, unsigned *w, void **out, unsigned want);

// Gives back the slots `bits` of word w, of which the caller holds at least one; returns those that were free already (a
// double free).
uint64_t span_give(struct span *s, unsigned w, uint64_t bits);

// Sweeps the span if that is due: unmarked blocks become free when heap_reclaim, marks are cleared. Returns false when
// somebody else is at it. Counts what stays and what goes.
struct sweep_count {
    uint64_t live_blocks, live_bytes, dead_blocks, dead_bytes;
};
bool span_sweep(struct span *s, struct sweep_count *count);

// The invariants that can be checked of a span at rest; fatal if one does not hold.
void span_check(const struct span *s);

// Gives slabs of which every span is in the pool back to jemalloc, so that large blocks can have the memory. Whether there were any.
// Inside a critical section.
bool span_return_slabs(void);

// Spans in the pool.
size_t span_pool_count(void);

// Keeps a span that is PARTIAL or in the pool as it is until span_let_go: nobody claims a slot of it or opens it, slots that are free
// stay so. False: it is neither. For microseconds; by the collector thread, or in a critical section.
bool span_hold(struct span *s);
// cold: its pages are gone; one in the pool is taken when all others are.
void span_let_go(struct span *s, bool cold);

void span_fork_prepare(void);
void span_fork_done(void);
