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
// G5. A magazine begins small. One that has run empty or full TURNS times becomes four times as large (64 KiB, or 8 slots), as long as all of a
//     thread's together keep no more than 512 KiB for it. After demand-sized caches as TCMalloc's.
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

// For the plain bins, the noted ones, or those of blocks without pointers (of these there are fewer).
struct shelf {
    struct magazine magazines[BIN_NOTED];
    struct span *current[BIN_NOTED]; // CURRENT spans of this thread
    uint8_t next_word[BIN_NOTED];    // where in current[] to go on claiming
    uint8_t turns[BIN_NOTED];        // G5
};

struct cache {
    // The bytes that malloc's short path may still give out before the long one is asked: a request of so many or more is for the long
    // one. At most SMALL_MAX + 1; own thread, its signal handlers included.
    size_t quick;
    struct shelf plain;
    // Made when the first such block is asked for; not kept in the TLS of threads with little stack.
    struct shelf *noted, *noscan;
    uint8_t state; // enum cache_state
    uint32_t refills;
    size_t grown_bytes;    // G5
    uint32_t noted_blocks; // ever
    size_t granted;        // what quick was last time that it was set
    size_t until_sample;   // bytes to be requested before the sample, counted from when quick was set
    uint64_t dice;         // 0: nothing was drawn yet
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
    if (!p)
        __builtin_unreachable(); // G1
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

static inline struct shelf *cache_shelf(struct cache *c, unsigned bin)
{
    return bin < BIN_NOTED ? &c->plain : bin < BIN_NOSCAN ? c->noted : c->noscan;
}

// The thread's magazine of this bin, NULL when there is none.
static inline struct magazine *cache_magazine(struct cache *c, unsigned bin)
{
    struct shelf *shelf = cache_shelf(c, bin);
    return shelf ? &shelf->magazines[bin % BIN_NOTED] : NULL;
}

// How many slots a refill of this bin claims, at most.
static inline uint32_t cache_refill(struct cache *c, unsigned bin)
{
    const struct magazine *m = cache_magazine(c, bin);
    return m && m->limit ? (m->limit + 1) / 2 : 1;
}

// Sampling: one request of about `cache_sample_bytes` requested ones gets a note; 0: no sampling. Constant after boot.
//
// Samples are a Poisson process over the requested bytes, as in TCMalloc's heap profiler: the request in which the drawn number of bytes runs
// out is one; requests for no bytes are none. The short path counts bytes down in quick. Counting what refills claim would be cheaper and wrong: what is freed and
// asked for again is claimed once, and magazines run empty always in the same malloc.
extern size_t cache_sample_bytes;
// A request of n bytes goes the long way: whether it is the sample.
bool cache_is_sample(struct cache *c, size_t n);
// How many blocks of so many bytes a sample of that size stands for: one over its probability, rounded up or down at random so that
// sums are right.
uint32_t cache_sample_weight(struct cache *c, size_t n);
// Lets the short path give out blocks, until the next sample at most; or not.
void cache_open_short_path(struct cache *c, bool open);

// Whether this cache has a shelf for blocks of this bin, now or after this call. Inside a critical section.
bool cache_can_keep(struct cache *c, unsigned bin);

// The slow paths, inside a critical section. cache_alloc returns NULL when there is no memory.
void *cache_alloc(struct cache *c, unsigned bin);
// False: the newest of the magazine was freed again (G3).
bool cache_free(struct cache *c, unsigned bin, void *p);

// Gives everything back; a dead cache keeps nothing from then on.
void cache_flush(struct cache *c);
void cache_kill(struct cache *c);

// Calls visit for each magazine's slots. The owner is stopped.
void cache_visit(const struct cache *c, void (*visit)(void *const *slots, size_t n));

void cache_fork_prepare(void);
void cache_fork_done(void);
// In a forked child: the cache of a thread that does not exist here gives up its spans.
void cache_orphan(struct cache *c);
