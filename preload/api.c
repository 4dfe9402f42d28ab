// The functions of gcpre.h, but for malloc_noscan (malloc.c), weak references, cleanups and finalizers (cleanup.c).
#include "cleanup.h"
#include "gcpre.h"

#include "base/meta.h"
#include "base/options.h"
#include "gc/collector.h"
#include "gc/pace.h"
#include "gc/pool.h"
#include "gc/totals.h"
#include "gc/trace.h"
#include "heap/extent.h"
#include "heap/heap.h"
#include "heap/quarantine.h"
#include "real.h"
#include "world/regions.h"
#include "world/thread.h"

#include <errno.h>
#include <string.h>

enum { PERCENT_LEAST = 1, PERCENT_MOST = 100000 }; // as GCPRE_GOGC

EXPORT void libgcpre_collect(void)
{
    collector_collect();
    cleanup_start(); // of a forked child
}

EXPORT int libgcpre_is_heap(const void *p)
{
    struct heap_block block = heap_find((uintptr_t)p);
    if (!block.allocated || quarantine_has(&block))
        return 0;
    return !(block.kind == HEAP_SMALL && thread_any_holds(block.bin, (void *)block.base));
}

// The names that the header had for them first: for programs that were built then, and for who declares them himself, weakly.
void first_collect(void) __asm__("gcpre_collect")
    __attribute__((alias("libgcpre_collect"), visibility("default")));
int first_is_heap(const void *p) __asm__("gcpre_is_heap")
    __attribute__((alias("libgcpre_is_heap"), visibility("default")));

// --- figures ------------------------------------------------------------------------------------------------

static struct gcpre_stats stats_now(void)
{
    struct totals totals = totals_now();
    struct pace_figures pace = pace_figures();
    return (struct gcpre_stats){
        .size = sizeof(struct gcpre_stats),
        .heap_alloc = heap_live_bytes(),
        .heap_live = pace.live_bytes,
        .heap_goal = pace.goal_bytes,
        .heap_sys = cage_top() - cage.base,
        .other_sys = meta_mapped_bytes() + extent_metadata_bytes(),
        .total_alloc = heap_allocated_total(),
        .num_gc = totals.cycles,
        .num_forced_gc = totals.forced,
        .gc_cpu_ns = trace_cpu_ns(),
        .pause_total_ns = totals.pause_total_ns,
        .pause_last_ns = totals.pause_last_ns,
        .pause_max_ns = totals.pause_max_ns,
        .roots_bytes = totals.root_bytes,
        .stacks_bytes = totals.stack_bytes,
        .reclaimed_bytes = totals.dead_bytes,
        .reclaimed_blocks = totals.dead_blocks,
        .memory_limit = pace_limit(),
        .gc_percent = pace_percent(),
        .passive = collector_passive_reason() != NULL,
        .pause_stopping_ns = totals.pause_parts.stopping_ns,
        .pause_roots_ns = totals.pause_parts.roots_ns,
        .pause_written_ns = totals.pause_parts.written_ns,
        .written_bytes = totals.pause_parts.written_bytes,
    };
}

// The caller's struct may be an older one, or a younger.
EXPORT int libgcpre_read_stats(struct gcpre_stats *stats)
{
    struct gcpre_stats now = stats_now();
    now.size = min_size(stats->size, sizeof now);
    memcpy(stats, &now, now.size);
    return 1;
}

// --- pacing -------------------------------------------------------------------------------------------------

EXPORT int libgcpre_set_gc_percent(int percent)
{
    int old = pace_percent(), most = percent > PERCENT_MOST ? PERCENT_MOST : percent;
    pace_change(percent < 0 ? -1 : percent < PERCENT_LEAST ? PERCENT_LEAST : most);
    return old;
}

EXPORT size_t libgcpre_set_memory_limit(size_t bytes)
{
    size_t old = pace_limit();
    if (bytes)
        pace_change_limit(bytes);
    return old;
}

// --- what is scanned ----------------------------------------------------------------------------------------

EXPORT int libgcpre_add_roots(const void *start, size_t bytes)
{
    uintptr_t lo = (uintptr_t)start;
    if (bytes > UINTPTR_MAX - lo)
        return EINVAL;
    return bytes == 0 || regions_add(lo, lo + bytes) ? 0 : ENOMEM;
}

EXPORT int libgcpre_remove_roots(const void *start, size_t bytes)
{
    uintptr_t lo = (uintptr_t)start;
    return bytes == 0 || regions_remove(lo, lo + bytes) ? 0 : EINVAL;
}

// --- pools --------------------------------------------------------------------------------------------------

static struct pool *pool_of(struct libgcpre_pool *pool) { return (struct pool *)pool; }

// Where nothing is reclaimed what a pool drops would be lost: items are freed instead, as without the library.
EXPORT struct libgcpre_pool *libgcpre_pool_new(void)
{
    bool reclaims = options.reclaim && !collector_passive_reason();
    return reclaims ? (struct libgcpre_pool *)pool_new() : NULL;
}

EXPORT void libgcpre_pool_free(struct libgcpre_pool *pool) { pool_free(pool_of(pool)); }

EXPORT void *libgcpre_pool_get(struct libgcpre_pool *pool) { return pool_get(pool_of(pool)); }

EXPORT int libgcpre_pool_put(struct libgcpre_pool *pool, void *item) { return pool_put(pool_of(pool), item); }
