// Critical sections: while a thread is in one, the collector's stop signal only leaves a note, and the thread stops
// itself when it leaves. So no stopped thread ever holds one of our locks, jemalloc's, or a half-done claim.
//
// Model: a counter in thread-local storage, written by its own thread and read by the signal handler that runs on the
// same thread; compiler fences are all the ordering that needs.
//
// C1. Our locks are taken inside a critical section only, except those of the collector thread, which is never stopped.
// C2. A thread blocks inside a critical section only for such a lock, so a stop waits for bounded work.
// C3. Sections nest; the note is looked at when the outermost is left.
#pragma once

#include "base/bits.h"

#include <stdatomic.h>
#include <stdint.h>

struct crit {
    volatile uint32_t depth;
    volatile uint32_t stop_wanted; // set by the handler, cleared by the thread when it parks
};

extern __thread struct crit crit_self;

// Set once at boot by core/world: stops the calling thread until the world goes on.
extern void (*crit_park)(void);

static inline void crit_enter(void)
{
    crit_self.depth = crit_self.depth + 1;
    atomic_signal_fence(memory_order_seq_cst);
}

static inline void crit_leave(void)
{
    atomic_signal_fence(memory_order_seq_cst);
    crit_self.depth = crit_self.depth - 1;
    atomic_signal_fence(memory_order_seq_cst);
    if (unlikely(crit_self.stop_wanted) && crit_self.depth == 0)
        crit_park();
}

static inline bool crit_inside(void) { return crit_self.depth != 0; }
