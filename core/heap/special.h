// Specials: what a program attached to single blocks, weak references, cleanups and finalizers. After Go's specials (runtime/mheap.go),
// weak.Pointer, runtime.AddCleanup and runtime.SetFinalizer.
//
//   weak       SET ── proven unreachable, or freed ──▶ CLEARED        (its program frees the record, in either state)
//   cleanup    ATTACHED ── given back by a sweep ──▶ DUE ── called ──▶ unused
//                  └── block freed, or stopped ─────────────────────▶ unused
//   finalizer  ATTACHED ── a sweep would give the block back, and leaves it instead ──▶ DUE ── called with the block ──▶ unused
//                  └── block freed, or taken away ──────────────────▶ unused
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
// W5. A finalizer is due when its block would be given back: after probation, and before its cleanups. The sweep then leaves the block
//     allocated; the pointer that the finalizer was set with becomes a root (as W3) before the sweep is over, so before the next cycle. What
//     the block leads to is there still, by the marker (heap/finalizer.h). Whether the program keeps the block or not, it has no finalizer now.
#pragma once

#include "heap/finalizer.h"
#include "heap/span.h"

struct heap_block;

enum special_kind { SPECIAL_WEAK, SPECIAL_CLEANUP, SPECIAL_FINALIZER };

struct special {
    struct special *next;      // of the unit's, of those that are due, of the unused
    uintptr_t base;            // of the block; 0: attached to none (any more)
    _Atomic uintptr_t pointer; // weak, finalizer: what it was made of; 0: cleared
    uint64_t kind : 2;         // enum special_kind; of an unused one SPECIAL_WEAK
    uint64_t serial : 62;      // of a cleanup, unique; else 0
    union {
        void (*clean)(void *arg);
        void (*finalize)(void *block, void *arg);
    };
    void **arg; // the place where the argument is a root (W3); NULL: it is NULL
    union {
        struct ring ring; // of a finalizer that is attached (heap/finalizer.h)
        void **block;     // of one that is due: the place where the block is a root (W5)
    };
};

_Static_assert(sizeof(struct special) == 64, "one cache line a record");

// What is due: one of the two is set.
struct special_call {
    void (*clean)(void *arg);
    void (*finalize)(void *block, void *arg);
    void *block, *arg;
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
// Sets the finalizer of the block that p points at or into, or takes it away (NULL). 0; EINVAL: p points into no block, or arg into the same
// one; EEXIST: it has one; ENOMEM.
int special_finalizer(const void *p, void (*finalize)(void *block, void *arg), void *arg);
// Takes a cleanup or finalizer that is due. False: there is none.
bool special_take_due(struct special_call *due);
// Whether there are cleanups or finalizers, attached or due.
bool special_has_calls(void);

// The sweep of a span: it finds these slots unmarked; of them it gives these back, less those that a finalizer needs, which it takes out of
// dead (W5); it is done.
void specials_condemn(const struct span *s, uint64_t *dead);
void specials_die(const struct span *s, uint64_t *dead);
void specials_unwatch(const struct span *s);
// The same for the large block at base. False: a finalizer needs it, it stays.
void specials_condemn_large(uintptr_t base);
bool specials_die_large(uintptr_t base);
// The program frees this block.
void specials_free(uintptr_t base);

// W4. For heap/finalizer.c.
extern struct lock specials_guard;

void specials_fork_prepare(void);
void specials_fork_done(void);
