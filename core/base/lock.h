// Mutual exclusion by futex, in a checked order.
//
// The algorithm is Drepper's "Futexes Are Tricky", mutex 2: 0 free, 1 held, 2 held and perhaps waited for. A lock may
// be taken by a thread inside a critical section (base/crit.h) or by the collector thread; never in a signal handler.
// Ranks: a thread takes locks in ascending rank only; the debug build aborts on the first one that is
// not. (Equal ranks nest before fork only, where all bins' locks are taken in order.)
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// The order in which locks nest, outermost first.
enum lock_rank {
    LOCK_RANK_CREATE = 1, // a thread of the collector's is being created
    LOCK_RANK_STOP,       // who may stop threads
    LOCK_RANK_REGISTRY,   // the list of threads
    LOCK_RANK_PINS,       // what the kernel alone refers to
    LOCK_RANK_POOLS,      // object pools
    LOCK_RANK_SHARD,      // what one thread has in one of them
    LOCK_RANK_GREY,       // the shared grey pool
    LOCK_RANK_FIGURES,    // the figures of all cycles
    LOCK_RANK_REGIONS,    // roots that the program named
    LOCK_RANK_PROBATION,  // records of condemned blocks, by stripes
    LOCK_RANK_BIN,        // one bin's partial list
    LOCK_RANK_POOL,       // empty spans
    LOCK_RANK_LARGE,      // large block identifiers
    LOCK_RANK_KEPT,       // extents that are kept for the next request
    LOCK_RANK_CAGE,       // the cage's high-water mark
    LOCK_RANK_GUARDS,     // pages that the program protected
    LOCK_RANK_SPECIALS,   // weak references, cleanups, finalizers
    LOCK_RANK_SITES,      // allocation sites and modules
    LOCK_RANK_UNJOINED,   // threads that may have to be joined
    LOCK_RANK_META,       // private memory
    LOCK_RANK_BARRIER,    // chunks of the mprotect back-end: taken by its fault handler, so behind all others
    LOCK_RANK_COUNT,
};

struct lock {
    _Atomic uint32_t word;
    uint8_t rank; // enum lock_rank
};

#define LOCK_INIT(r) \
    {                \
        .rank = (r)  \
    }

void lock_slow(struct lock *lock);
void lock_wake(struct lock *lock);
void lock_check_order(const struct lock *lock);
void lock_note_release(const struct lock *lock);

static inline bool lock_try(struct lock *lock)
{
    uint32_t free_word = 0;
    bool got = atomic_compare_exchange_strong_explicit(&lock->word, &free_word, 1, memory_order_acquire,
                                                       memory_order_relaxed);
#ifdef GCPRE_DEBUG
    if (got)
        lock_check_order(lock);
#endif
    return got;
}

static inline void lock_acquire(struct lock *lock)
{
    if (!lock_try(lock))
        lock_slow(lock);
}

static inline void lock_release(struct lock *lock)
{
#ifdef GCPRE_DEBUG
    lock_note_release(lock);
#endif
    if (atomic_exchange_explicit(&lock->word, 0, memory_order_release) == 2)
        lock_wake(lock);
}

// After fork, in the child: the holder does not exist there.
static inline void lock_reset(struct lock *lock)
{
    atomic_store_explicit(&lock->word, 0, memory_order_relaxed);
}
