// gcpre.h: what a program may ask of libgcpre, whether it is there or not.
//
// Nothing is linked: each function asks a weak symbol of the library's, which is absent (a null pointer) when the program runs without
// LD_PRELOAD=libgcpre.so, and does then what its comment says under "without". For C99, C++11 and later.
//
//     #include <gcpre.h>
//     char *text = gcpre_malloc_noscan(1 << 20);  // never scanned; plain malloc without the library
//     gcpre_collect();                            // a full cycle; nothing without
//
// All functions may be called by any thread at any time, but not from a signal handler. Sizes are in bytes, times in nanoseconds. None
// sets errno where it does not say so. The library's own names begin with libgcpre_; callers in other languages may look them up by
// dlsym(3), with the same arguments.
//
// Where the executable is not position-independent (-no-pie), gcc finds the library all the same; clang's code does not, unless it is
// compiled with -fPIE.
#ifndef GCPRE_H
#define GCPRE_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __has_attribute
#if __has_attribute( \
    noplt) // through a table that the loader fills, also in code that is not position-independent
#define GCPRE_WEAK __attribute__((weak, noplt, visibility("default")))
#endif
#endif
#ifndef GCPRE_WEAK
#define GCPRE_WEAK __attribute__((weak, visibility("default")))
#endif

// --- collecting ---------------------------------------------------------------------------------------------

GCPRE_WEAK void libgcpre_collect(void);
GCPRE_WEAK int libgcpre_is_heap(const void *p);

// 1 if the library is in this process, else 0.
static inline int gcpre_available(void) { return libgcpre_collect != 0; }

// Runs a full collection cycle that begins after the call, and returns when everything that it proved unreachable has been given back (with
// GCPRE_PROBATION, what waits there goes a cycle later). It counts as forced in the trace. After Go's runtime.GC.
// Nothing happens when the library is passive (it said why in one line). Without: nothing.
static inline void gcpre_collect(void)
{
    if (libgcpre_collect)
        libgcpre_collect();
}

// 1 if p points at or into a block of the heap that is allocated now, else 0. Any value is allowed. For tests and
// debugging: exact while other threads neither allocate nor free. Without: 0.
static inline int gcpre_is_heap(const void *p) { return libgcpre_is_heap ? libgcpre_is_heap(p) : 0; }

// --- figures ------------------------------------------------------------------------------------------------

// Names are those of Go's runtime.MemStats and runtime/metrics where they mean the same, and of the `stats` command of the control socket.
// Later versions of the library add fields at the end.
struct gcpre_stats {
    size_t size; // of the part that the library filled in, from the start on; what lies behind is 0

    uint64_t heap_alloc; // bytes in blocks now, dead ones that no cycle has found included (HeapAlloc)
    uint64_t heap_live;  // bytes that the last cycle found alive (/gc/heap/live)
    uint64_t
        heap_goal; // bytes at which the next cycle should have ended (NextGC, /gc/heap/goal); UINT64_MAX: there is no goal
    uint64_t heap_sys;    // bytes of address space that the heap has taken from the system (HeapSys)
    uint64_t other_sys;   // the same for the library's own tables
    uint64_t total_alloc; // bytes ever allocated (TotalAlloc)

    uint64_t num_gc;        // cycles that have ended (NumGC)
    uint64_t num_forced_gc; // those of them that somebody asked for (NumForcedGC)
    uint64_t gc_cpu_ns;     // processor time of cycles (/cpu/classes/gc/total)

    uint64_t pause_total_ns; // all threads stopped, all cycles together (PauseTotalNs)
    uint64_t pause_last_ns;  // the last cycle's
    uint64_t pause_max_ns;   // the longest
    uint64_t roots_bytes;    // that the last cycle scanned outside heap and stacks (/gc/scan/globals)
    uint64_t stacks_bytes;   // in stacks (/gc/scan/stack)

    uint64_t reclaimed_bytes; // in blocks that cycles have given back
    uint64_t reclaimed_blocks;

    uint64_t memory_limit; // as gcpre_set_memory_limit has it (/gc/gomemlimit)
    int32_t gc_percent;    // as gcpre_set_gc_percent has it (/gc/gogc)
    int32_t passive;       // 1: nothing is reclaimed in this process any more

    uint64_t pause_stopping_ns; // of pause_last_ns: until all threads stood still
    uint64_t pause_roots_ns;    // of it: reading what lies outside heap and stacks
    uint64_t
        pause_written_ns; // of it: asking the kernel which pages of the heap were written last, and reading those
    uint64_t written_bytes; // in living blocks on those pages
};

GCPRE_WEAK int libgcpre_read_stats(struct gcpre_stats *stats);

// Fills in the figures as they are now, each by itself exact, and returns 1. After Go's runtime.ReadMemStats, but nothing is stopped for it.
// Without: all 0, returns 0.
static inline int gcpre_read_stats(struct gcpre_stats *stats)
{
    struct gcpre_stats none = {
        sizeof *stats, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    *stats = none;
    if (libgcpre_read_stats)
        return libgcpre_read_stats(stats);
    stats->size = 0;
    return 0;
}

// --- pacing -------------------------------------------------------------------------------------------------

GCPRE_WEAK int libgcpre_set_gc_percent(int percent);
GCPRE_WEAK size_t libgcpre_set_memory_limit(size_t bytes);

// How far the heap may grow, in percent of what is alive, before the next cycle has to be over: from 1 to 100000 (others count as the
// nearest); negative: it grows without cycles, but for those of the memory limit. It counts at once. Returns what it was, -1 for off. After
// Go's debug.SetGCPercent; GCPRE_GOGC is where it begins. Without: nothing, returns -1.
static inline int gcpre_set_gc_percent(int percent)
{
    return libgcpre_set_gc_percent ? libgcpre_set_gc_percent(percent) : -1;
}

// The memory, heap and the library's own tables together, that cycles try to stay below, in bytes; SIZE_MAX for none, 0 to ask only. It
// counts at once. What is alive may exceed it: then cycles take half of the time at most. Returns what it was. After Go's
// debug.SetMemoryLimit; GCPRE_MEMLIMIT is where it begins. Without: nothing, returns SIZE_MAX.
static inline size_t gcpre_set_memory_limit(size_t bytes)
{
    return libgcpre_set_memory_limit ? libgcpre_set_memory_limit(bytes) : (size_t)-1;
}

// --- what is scanned ----------------------------------------------------------------------------------------

GCPRE_WEAK int libgcpre_add_roots(const void *start, size_t bytes);
GCPRE_WEAK int libgcpre_remove_roots(const void *start, size_t bytes);
GCPRE_WEAK void *libgcpre_malloc_noscan(size_t bytes);

// From now on pointers in this memory keep blocks alive. Stacks, registers, globals, TLS, heap blocks, and every mapping that the process
// may write do so anyway; this is for the rest: shared memory that this process maps for reading only, the memory of a device, parts of a
// block from gcpre_malloc_noscan. It is read at every cycle, at every 4 bytes, in whole words of 8; while it cannot be read (it was unmapped, or the device
// does not let itself be read through /proc/self/mem), nothing is reclaimed. What is added twice is to be removed twice.
// Returns 0 or ENOMEM; EINVAL where start + bytes exceeds the address space. Without: nothing, returns 0.
static inline int gcpre_add_roots(const void *start, size_t bytes)
{
    return libgcpre_add_roots ? libgcpre_add_roots(start, bytes) : 0;
}

// The memory of a call of gcpre_add_roots with the same arguments is no root any more. Before it is unmapped. Returns 0, or EINVAL if there
// was no such call. Without: nothing, returns 0.
static inline int gcpre_remove_roots(const void *start, size_t bytes)
{
    return libgcpre_remove_roots ? libgcpre_remove_roots(start, bytes) : 0;
}

// A block as malloc's that will hold no pointers to blocks that nothing else refers to: text, pixels, numbers. Cycles do not read it, and
// what looks like a pointer in it keeps nothing alive. realloc leaves it so; free and malloc_usable_size work as ever.
// NULL and errno ENOMEM: no memory. Without: malloc.
static inline void *gcpre_malloc_noscan(size_t bytes)
{
    return libgcpre_malloc_noscan ? libgcpre_malloc_noscan(bytes) : malloc(bytes);
}

// --- weak references ----------------------------------------------------------------------------------------

// A reference to a block that does not keep it alive. It may lie anywhere, and be shared between threads.
struct gcpre_weak;

GCPRE_WEAK struct gcpre_weak *libgcpre_weak_new(void *p);
GCPRE_WEAK void *libgcpre_weak_get(struct gcpre_weak *weak);
GCPRE_WEAK void libgcpre_weak_free(struct gcpre_weak *weak);

// A weak reference to the block that p points at or into, after Go's weak.Make; each call makes another one. What p is not the heap's stays
// for good, and NULL is NULL. To be freed by gcpre_weak_free. NULL: no memory. (Every free of a block beside the one referred to takes a longer way while
// there are such references: tens of nanoseconds.) Without: as for what is not the heap's.
static inline struct gcpre_weak *gcpre_weak_new(void *p)
{
    void **plain;
    if (libgcpre_weak_new)
        return libgcpre_weak_new(p);
    plain = (void **)malloc(sizeof *plain);
    if (plain)
        *plain = p;
    return (struct gcpre_weak *)plain;
}

// The pointer that it was made of, which keeps the block alive again as any does; NULL when a cycle has found the block unreachable, or it was freed or
// moved by realloc. Once NULL it stays so. A block that another thread is freeing at this moment may still be had: that is the program's to
// prevent, as for any pointer. Without: the pointer that it was made of, even if that was freed since; so free the reference first.
static inline void *gcpre_weak_get(struct gcpre_weak *weak)
{
    return libgcpre_weak_get ? libgcpre_weak_get(weak) : *(void **)weak;
}

// Frees the reference, not the block. NULL: nothing.
static inline void gcpre_weak_free(struct gcpre_weak *weak)
{
    if (weak && libgcpre_weak_free)
        libgcpre_weak_free(weak);
    else if (!libgcpre_weak_free)
        free((void *)weak);
}

// --- cleanups -----------------------------------------------------------------------------------------------

// What gcpre_stop_cleanup needs to know; record is NULL when nothing was added.
struct gcpre_cleanup {
    void *record;
    uint64_t serial;
};

GCPRE_WEAK struct gcpre_cleanup libgcpre_add_cleanup(void *p, void (*call)(void *arg), void *arg);
GCPRE_WEAK int libgcpre_stop_cleanup(struct gcpre_cleanup cleanup);

// call(arg) runs once, some time after the block that p points at or into was found unreachable and its memory given back: for what a block
// stood for outside of the heap, a descriptor or a file. After Go's runtime.AddCleanup: the block is not there any more, so it cannot come
// back to life, and a block may have several cleanups. arg stays alive until then, and nothing that arg leads to may lead to the block, which
// would never become unreachable.
// Cleanups run one after the other, in no certain order, on a thread of their own that the first call of this function starts; it takes no signals, and its
// calls may allocate, lock and wait, but make the others wait. They do not run at the end of the program, nor when the block is freed or moved by
// realloc: the program knows then. A forked child has those of its parent that were not yet called.
// (A process with a cleanup has a second thread: calls that need a single one, such as unshare(CLONE_NEWUSER), fail.)
// record is NULL: p points into no block, arg into the same, or there is no memory. Without: never runs, record is NULL.
static inline struct gcpre_cleanup gcpre_add_cleanup(void *p, void (*call)(void *arg), void *arg)
{
    struct gcpre_cleanup none = {0, 0};
    return libgcpre_add_cleanup ? libgcpre_add_cleanup(p, call, arg) : none;
}

// The cleanup will not run; 1 if it would have, 0 if it has, is about to, or was given up before. Without: 0.
static inline int gcpre_stop_cleanup(struct gcpre_cleanup cleanup)
{
    return libgcpre_stop_cleanup ? libgcpre_stop_cleanup(cleanup) : 0;
}

// --- finalizers ---------------------------------------------------------------------------------------------

GCPRE_WEAK int libgcpre_set_finalizer(void *p, void (*finalize)(void *p, void *arg), void *arg);

// finalize(p, arg) runs once, some time after the block that p points at or into was found unreachable, and gets the block, as it was, with everything
// that it leads to. After Go's runtime.SetFinalizer: the finalizer may store p somewhere, and the block lives on, or free it; else it is
// given back by a later cycle, when it is unreachable again. It has no finalizer any more, but another can be set, by the finalizer too.
// NULL takes the finalizer away. A block has at most one.
// Weak references to the block are NULL before the finalizer runs, and stay so; its cleanups run when its memory is given back, afterwards.
// Of two blocks with finalizers, one of which leads to the other, the one that is led to is finalized later, when the first is gone. A block
// that leads back to itself, by whatever way, never is: a doubly linked node, a tree with parent pointers. Nor while arg leads to the block:
// arg stays alive until then.
// Finalizers run where cleanups run, under the same rules (gcpre_add_cleanup): not at the end of the program, nor when the block is freed
// or moved by realloc. To those who hunt leaks a block with a finalizer is none, nor is what only it leads to, unless the program has taken the
// finalizer away. Cycles stop the program the longer the more bytes unreachable blocks with finalizers have.
// Returns 0; EINVAL: p points into no block, or arg into the same; EEXIST: it has a finalizer; ENOMEM.
// Without: never runs, returns ENOSYS.
static inline int gcpre_set_finalizer(void *p, void (*finalize)(void *p, void *arg), void *arg)
{
    return libgcpre_set_finalizer ? libgcpre_set_finalizer(p, finalize, arg) : ENOSYS;
}

// --- object pools -------------------------------------------------------------------------------------------

// Items that are not needed now, for the next who needs one. After Go's sync.Pool: each thread finds again first what it put itself, and then what others
// did; what nobody has taken by the end of the second cycle is dropped, and reclaimed like all that nobody refers to. An item is a block of
// the heap that was made with malloc, and whatever it alone leads to; it should have no other owner.
struct gcpre_pool {
    void *(*new_item)(void *arg);
    void (*free_item)(void *item);
    void *arg;
    struct libgcpre_pool *items; // NULL: without the library
};

GCPRE_WEAK struct libgcpre_pool *libgcpre_pool_new(void);
GCPRE_WEAK void libgcpre_pool_free(struct libgcpre_pool *pool);
GCPRE_WEAK void *libgcpre_pool_get(struct libgcpre_pool *pool);
GCPRE_WEAK int libgcpre_pool_put(struct libgcpre_pool *pool, void *item);

// A pool. new_item(arg) makes an item when there is none; NULL: then gcpre_pool_get returns NULL. free_item frees one, and is asked to only
// for what the pool cannot keep (without: every item); NULL: free. NULL and errno ENOMEM: no memory.
// The pool is to be freed by gcpre_pool_free, or never.
static inline struct gcpre_pool *gcpre_pool_new(void *(*new_item)(void *arg), void (*free_item)(void *item),
                                                void *arg)
{
    struct gcpre_pool *pool = (struct gcpre_pool *)malloc(sizeof *pool);
    if (!pool)
        return pool;
    pool->new_item = new_item;
    pool->free_item = free_item;
    pool->arg = arg;
    pool->items = libgcpre_pool_new ? libgcpre_pool_new() : 0;
    return pool;
}

// An item that somebody put, in no certain order and with the contents that it had, or else a new one: what new_item says. Without: a new one.
static inline void *gcpre_pool_get(struct gcpre_pool *pool)
{
    void *item = pool->items ? libgcpre_pool_get(pool->items) : 0;
    return item || !pool->new_item ? item : pool->new_item(pool->arg);
}

// Gives an item to the pool; the caller does not use it any more. NULL: nothing. Without: frees it.
static inline void gcpre_pool_put(struct gcpre_pool *pool, void *item)
{
    if (!item || (pool->items && libgcpre_pool_put(pool->items, item)))
        return;
    if (pool->free_item)
        pool->free_item(item);
    else
        free(item);
}

// Frees the pool; its items are dropped, as by a cycle. NULL: nothing. Nobody uses the pool during the call or after it.
static inline void gcpre_pool_free(struct gcpre_pool *pool)
{
    if (pool && pool->items)
        libgcpre_pool_free(pool->items);
    free(pool);
}

#ifdef __cplusplus
}
#endif

#endif
