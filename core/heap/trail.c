#include "heap/trail.h"

#include "base/bits.h"
#include "base/meta.h"
#include "heap/heap.h"

#include <stdatomic.h>
#include <stddef.h>

struct trail {
    struct trail *next; // constant
    _Atomic bool taken;
    _Atomic uint32_t at; // entries ever written
    struct {
        _Atomic uintptr_t base, from;
    } entries[TRAIL_ENTRIES];
};

static struct trail *_Atomic trails;
static __thread struct trail *own;

static struct trail *take_over(void)
{
    for (struct trail *t = atomic_load(&trails); t; t = t->next)
        if (!atomic_load_explicit(&t->taken, memory_order_relaxed) && !atomic_exchange(&t->taken, true))
            return t;
    return NULL;
}

static struct trail *make(void)
{
    struct trail *t = meta_alloc(sizeof *t);
    if (!t)
        return NULL;
    atomic_store(&t->taken, true);
    t->next = atomic_load(&trails);
    while (!atomic_compare_exchange_weak(&trails, &t->next, t))
        ;
    return t;
}

// Only a thread whose end will be told of may have a row (W2).
static __attribute__((noinline)) struct trail *open_own(void)
{
    crit_enter();
    if (cache_self.state == CACHE_NEW)
        heap_upcalls.first_use();
    if (cache_self.state == CACHE_LIVE) {
        own = take_over();
        if (!own)
            own = make();
    }
    crit_leave();
    return own;
}

bool trail_note(uintptr_t base, uintptr_t from)
{
    struct trail *t = likely(own != NULL) ? own : open_own();
    if (unlikely(!t))
        return false;
    uint32_t at = atomic_load_explicit(&t->at, memory_order_relaxed);
    atomic_store_explicit(&t->entries[at % TRAIL_ENTRIES].from, from, memory_order_relaxed);
    atomic_store_explicit(&t->entries[at % TRAIL_ENTRIES].base, base, memory_order_relaxed);
    atomic_store_explicit(&t->at, at + 1, memory_order_relaxed);
    return true;
}

static uintptr_t find_in(const struct trail *t, uintptr_t base)
{
    uint32_t end = atomic_load(&t->at);
    for (uint32_t back = 1; back <= TRAIL_ENTRIES; back++)
        if (atomic_load(&t->entries[(end - back) % TRAIL_ENTRIES].base) == base)
            return atomic_load(&t->entries[(end - back) % TRAIL_ENTRIES].from);
    return 0;
}

uintptr_t trail_find(uintptr_t base)
{
    uintptr_t from = 0;
    for (const struct trail *t = atomic_load(&trails); t && !from; t = t->next)
        from = find_in(t, base);
    return from;
}

void trail_thread_ends(void)
{
    struct trail *t = own;
    own = NULL;
    if (t)
        atomic_store(&t->taken, false);
}

void trail_fork_child(void)
{
    for (struct trail *t = atomic_load(&trails); t; t = t->next)
        if (t != own)
            atomic_store(&t->taken, false);
}
