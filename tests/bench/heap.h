/* heap.h: memory for the programs that never free. Built plainly it is malloc, and drop() does
 * nothing unless --free was given; built with -DUSE_BDWGC it is the Boehm-Demers-Weiser collector,
 * with thread-local free lists and parallel marking, whose pauses it times.
 *
 * What must stay alive has to be reachable from a stack or a global, in memory from here.
 */
#ifndef HEAP_H
#define HEAP_H

#ifdef USE_BDWGC
#define GC_THREADS          /* before pthread.h: thread creation goes through the collector */
#include <gc/gc.h>
#endif
#include "gaps.h"

/* ---- the heap: block_of_pointers, block_of_data (holds no pointers), release, collect ---- */

#ifdef USE_BDWGC

enum { PAUSES_MAX = 1 << 16 };

static struct {
    int64_t began_ns;
    long count;
    int64_t length_ns[PAUSES_MAX];
} pauses;

/* Called with the collector's lock held. */
static inline void note_pause(GC_EventType event)
{
    if (event == GC_EVENT_PRE_STOP_WORLD)
        pauses.began_ns = now_ns();
    else if (event == GC_EVENT_POST_START_WORLD && pauses.count < PAUSES_MAX)
        pauses.length_ns[pauses.count++] = now_ns() - pauses.began_ns;
}

static inline void heap_start(void)
{
    GC_INIT();
    GC_start_mark_threads();
    GC_set_on_collection_event(note_pause);
}

static inline void heap_print(void)
{
    for (long i = 0; i < pauses.count; i++)
        result("pause_ms", pauses.length_ns[i] / 1e6);
}

static inline void *block_of_pointers(size_t bytes) { return GC_MALLOC(bytes); }
static inline void *block_of_data(size_t bytes)     { return GC_MALLOC_ATOMIC(bytes); }
static inline void release(void *p)                 { GC_FREE(p); }
static inline bool heap_can_collect(void)           { return true; }
static inline void heap_collect(void)               { GC_gcollect(); }
static inline void heap_hold(void)                  { GC_disable(); }
static inline void heap_unhold(void)                { GC_enable(); }

#else

#include "../../preload/gcpre.h"

static inline void heap_start(void)                 { }
static inline void heap_print(void)                 { }
static inline void *block_of_pointers(size_t bytes) { return malloc(bytes); }
static inline void *block_of_data(size_t bytes)     { return malloc(bytes); }
static inline void release(void *p)                 { free(p); }
static inline bool heap_can_collect(void)           { return gcpre_available(); }
static inline void heap_collect(void)               { gcpre_collect(); }
static inline void heap_hold(void)                  { }
static inline void heap_unhold(void)                { }

#endif

/* ---- the programs' side ---- */

static struct {
    bool frees, watched;
    long tick_us;
} heap;

/* In place of options_begin. */
static inline void heap_options(int argc, char **argv)
{
    options_begin(argc, argv);
    heap.frees = option("free", 0, "free what is no longer needed");
    heap.watched = option("gaps", 0, "run a thread that notes gaps in its own clock");
    heap.tick_us = option("tick", 50, "its period in microseconds, 0: never sleep");
}

/* In place of options_end. */
static inline void heap_begin(void)
{
    options_end();
    heap_start();
    if (heap.watched)
        gaps_begin(heap.tick_us);
}

static inline void heap_end(void)
{
    if (heap.watched)
        gaps_end();
    heap_print();
}

static inline void *must(void *p)
{
    if (!p)
        fail("out of memory");
    return p;
}

static inline void *new_pointers(size_t bytes) { return must(block_of_pointers(bytes)); }
static inline void *new_data(size_t bytes)     { return must(block_of_data(bytes)); }

static inline void *new_table(size_t count, size_t bytes)
{
    return memset(new_pointers(count * bytes), 0, count * bytes);
}

/* The program needs it no longer. */
static inline void drop(void *p)
{
    if (heap.frees)
        release(p);
}

#endif
