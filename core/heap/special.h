// Specials: what a program attached to single blocks, weak references and cleanups. After Go's specials (runtime/mheap.go), weak.Pointer and
// runtime.AddCleanup.
//
//   weak       SET ── proven unreachable, or freed ──▶ CLEARED        (its program frees the record, in either state)
//   cleanup    ATTACHED ── given back by a sweep ──▶ DUE ── called ──▶ unused
//                  └── block freed, or stopped ─────────────────────▶ unused
//
// A record lies in private memory: it keeps no block alive. The records of the blocks that begin in a unit are a list at that unit.
//
// W1. A weak reference is cleared by the sweep that finds its block unmarked, before the block's slot can be free, whether it waits in
//     probation then or not; and by who frees the block. Between the final stop and that sweep a reader sweeps the block's span itself
//     first, in a critical section, so that no stop comes in between. So what a reader gets was not condemned by the last stop,
//     and is in the reader's register before the next.
// W2. Units with records say UNIT_WATCHED, so that free's short path leaves their blocks to the long one (heap/probation.h, O4). Only a sweep
//     of the span takes that back, under the lock.
// W3. A cleanup is due when its block's memory is given back by a sweep: after probation. What it is to be called with lies in a mapping
//     that is no private memory, and so is a root, from when it is attached until it is called.
// W4. Lists, and all of a record but the reading of a weak reference, are guarded by one lock.
#pragma once

#include "heap/span.h"

struct heap_block;

struct special {
    struct special *next;      // of the unit's, of those that are due, of the unused
    uintptr_t base;            // of the block; 0: attached to none (any more)
    _Atomic uintptr_t pointer; // weak: what it was made of; 0: cleared
    uint64_t serial;           // of a cleanup, unique; 0: this is none
    void (*call)(void *arg);
    void **arg; // W3
    uint64_t pad[2];
};

// Whether there ever was one.
extern _Atomic bool specials_some;
// Goes up when cleanups become due; who runs them sleeps on it.
extern _Atomic uint32_t specials_bell;

// A record for a weak reference to the block that p points at or into; of what is no block it stays set for good. NULL: no memory.
struct special *special_weak(const void *p);
// What it was made of; NULL: cleared.
void *special_get(struct special *weak);
void special_free(struct special *weak);

// NULL: no memory, or p points into no block, or arg into the same one. *serial tells records apart that were used again.
struct special *special_cleanup(const void *p, void (*call)(void *arg), void *arg, uint64_t *serial);
// Whether it will not be called now, because of this.
bool special_stop(struct special *cleanup, uint64_t serial);
// Takes a cleanup that is due. False: there is none.
bool special_take_due(void (**call)(void *arg), void **arg);
// Whether there are cleanups, attached or due.
bool special_has_cleanups(void);

// The sweep of a span: it finds these slots unmarked; of them it gives these back; it is done.
void specials_condemn(const struct span *s, const uint64_t *dead);
void specials_die(const struct span *s, const uint64_t *dead);
void specials_unwatch(const struct span *s);
// The same for the large block at base.
void specials_condemn_large(uintptr_t base);
void specials_die_large(uintptr_t base);
// The program frees this block.
void specials_free(uintptr_t base);

void specials_fork_prepare(void);
void specials_fork_done(void);
