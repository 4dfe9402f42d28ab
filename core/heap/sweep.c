// Sweeping the whole heap: who is at it takes a share of units at a time, the collector what is left, and all large blocks.
#include "base/backoff.h"
#include "heap/heap.h"
#include "heap/probation.h"

static struct {
    _Atomic uint64_t live_blocks, live_bytes, dead_blocks, dead_bytes;
} swept_total;

void heap_swept(const struct sweep_count *count)
{
    heap_count_free(count->dead_bytes);
    atomic_fetch_add_explicit(&swept_total.live_blocks, count->live_blocks, memory_order_relaxed);
    atomic_fetch_add_explicit(&swept_total.live_bytes, count->live_bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&swept_total.dead_blocks, count->dead_blocks, memory_order_relaxed);
    atomic_fetch_add_explicit(&swept_total.dead_bytes, count->dead_bytes, memory_order_relaxed);
}

struct sweep_count heap_sweep_total(void)
{
    return (struct sweep_count){swept_total.live_blocks, swept_total.live_bytes, swept_total.dead_blocks,
                                swept_total.dead_bytes};
}

enum { SWEEP_SHARE = 8 };       // units
static _Atomic size_t sweep_at; // the first unit that nobody has taken a share of in this epoch
static _Atomic size_t sweep_end;

void heap_sweep_begin(bool reclaim, unsigned probation)
{
    probation_begin(probation);
    atomic_store(&sweep_end, (cage_top() - cage.base) >> UNIT_SHIFT);
    atomic_store(&sweep_at, 0);
    atomic_store(&heap_reclaim, reclaim);
    atomic_fetch_add(&heap_sweep_epoch, 2);
    swept_total.live_blocks = swept_total.live_bytes = swept_total.dead_blocks = swept_total.dead_bytes = 0;
}

// Sweeps the spans among these units; false when somebody else is at one of them.
static bool sweep_units(size_t from, size_t to)
{
    struct sweep_count count = {0};
    bool done = true;
    for (size_t unit = from; unit < to; unit++)
        if (atomic_load_explicit(&cage.units[unit], memory_order_acquire))
            done &= span_sweep(&cage.spans[unit], &count);
    if (count.live_blocks || count.dead_blocks)
        heap_swept(&count);
    return done;
}

bool heap_sweep_some(void)
{
    size_t end = atomic_load_explicit(&sweep_end, memory_order_relaxed);
    if (likely(atomic_load_explicit(&sweep_at, memory_order_relaxed) >= end))
        return false;
    size_t from = atomic_fetch_add(&sweep_at, SWEEP_SHARE);
    if (from < end)
        sweep_units(from, min_size(from + SWEEP_SHARE, end));
    return from < end;
}

void heap_sweep_all(void)
{
    struct sweep_count large = {0};
    while (heap_sweep_some())
        ;
    for (struct backoff backoff = {0};
         !sweep_units(0, atomic_load(&sweep_end));) // shares that others have not finished
        backoff_wait(&backoff);
    large_sweep(&large);
    atomic_fetch_add_explicit(&swept_total.dead_bytes, large.dead_bytes, memory_order_relaxed);
    large.dead_bytes = 0; // large_free counted them as freed
    heap_swept(&large);
}
