// Magazines: per thread and bin a small array of claimed slots. malloc pops, free pushes; no atomic, no call.
//
// The array lies in private memory, so what is in it keeps nothing alive. Its slots' free bits are clear: for everybody
// else they are blocks. At the final stop of a cycle the collector marks them, unscanned (cache_visit).
//
// G1. slot[0..n) are slots this thread claimed or was given by free; nobody else uses them.
// G2. A thread interrupted inside a push or a pop holds the pointer in a register, from before the count changes until
//     after: the scan of its registers (or of the signal frame they were saved in) marks the slot, whoever has it by then.
//     Hence: pop reads the slot before it lowers n, push writes it before it raises n and keeps it alive to the end.
// G3. What push finds on top already was freed twice in a row. A copy further down is found when it is given back: its
//     free bit is set by then (span_give), unless the slot was handed out again.
// G4. Everything but push and pop happens inside a critical section.
#pragma once

#include "base/crit.h"
#include "heap/sizeclass.h"
#include "heap/span.h"

struct magazine {
    void **slot; // capacity entries behind one that is NULL; NULL until the first refill
    uint32_t n;
    uint32_t limit; // capacity; 0 while there is no array
};

enum cache_state { CACHE_NEW, CACHE_LIVE, CACHE_DEAD };

// For half of the bins.
struct shelf {
    struct magazine magazines[BIN_NOTED];
    struct span *current[BIN_NOTED]; // CURRENT spans of this thread
    uint8_t next_word[BIN_NOTED];    // where in current[] to go on claiming
};

struct cache {
    size_t
        quick; // malloc's short path is for requests below: 0 sends all to the long one, which decides (own thread)
    struct shelf plain;
    struct shelf *
        noted; // made when the first noted block is asked for; it is not kept in the TLS of threads with little stack
    uint8_t state; // enum cache_state
    uint32_t refills;
    uint32_t noted_blocks; // ever
    int64_t until_sample;  // bytes that are claimed before the next sample is due
    size_t sample_left;    // bytes that are requested before the block that is the sample; 0: none is due
    uint64_t dice;
};

extern __thread struct cache cache_self;

// One thread of the program has come to the heap so far, so what only the program's threads change needs no locked instruction. Becomes
// false for good before a second one does.
extern _Atomic bool cache_one_thread;

static inline void *magazine_pop(struct magazine *m)
{
    uint32_t n = m->n;
    if (unlikely(n == 0))
        return NULL;
    void *p = m->slot[n - 1];
    atomic_signal_fence(memory_order_seq_cst);
    m->n = n - 1;
    return p;
}

// False: there is no room, or the slot is on top already (G3).
static inline bool magazine_push(struct magazine *m, void *p)
{
    uint32_t n = m->n;
    if (unlikely(n >= m->limit || m->slot[(ptrdiff_t)n - 1] == p))
        return false;
    m->slot[n] = p;
    atomic_signal_fence(memory_order_seq_cst);
    m->n = n + 1;
    __asm__ volatile("" : : "r"(p) : "memory"); // G2
    return true;
}

// The thread's magazine of this bin, NULL when there is none.
static inline struct magazine *cache_magazine(struct cache *c, unsigned bin)
{
    struct shelf *shelf = bin < BIN_NOTED ? &c->plain : c->noted;
    return shelf ? &shelf->magazines[bin % BIN_NOTED] : NULL;
}

// Sampling: one block of about `cache_sample_bytes` that are claimed gets a note; 0: no sampling. Constant after boot.
//
// Magazines run empty at the deepest point of a program's pattern again and again, always in the same malloc, so the request that
// refills is no fair sample. A refill that makes one due draws how many bytes of requests further on it is, and sends the thread's
// requests the long way (quick) until then.
extern size_t cache_sample_bytes;
// A request of n bytes goes the long way: whether it is the sample.
bool cache_is_sample(struct cache *c, size_t n);

// Whether this cache can keep noted blocks, now or after this call. Inside a critical section.
bool cache_can_note(struct cache *c);

// The slow paths, inside a critical section. cache_alloc returns NULL when there is no memory.
void *cache_alloc(struct cache *c, unsigned bin);
void cache_free(struct cache *c, unsigned bin, void *p);

// Gives everything back; a dead cache keeps nothing from then on.
void cache_flush(struct cache *c);
void cache_kill(struct cache *c);

// Calls visit for each magazine's slots. The owner is stopped.
void cache_visit(const struct cache *c, void (*visit)(void *const *slots, size_t n));

void cache_fork_prepare(void);
void cache_fork_done(void);
// In a forked child: the cache of a thread that does not exist here gives up its spans.
void cache_orphan(struct cache *c);
