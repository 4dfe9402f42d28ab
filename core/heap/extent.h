// Extents: page-aligned memory of the cage for slabs and large blocks, from a private jemalloc whose one arena's hooks
// carve the cage. The first slab comes straight from the cage, so that a small process never wakes jemalloc (its
// initialisation costs 0.7 ms).
//
// E1. jemalloc's own bookkeeping lives in private memory (metadata_use_hooks is off, its mmap is core/heap/jehost.c).
// E2. The hooks never unmap and never protect: purging is MADV_DONTNEED at most (K1).
// E3. What is of middle size stays at hand for a second when it is freed (heap/kept.h).
// E4. Called inside a critical section or by the collector thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// At least `bytes`, aligned to `alignment` (a power of two, at least a page); *usable tells how many they are.
// NULL when there is no memory.
void *extent_alloc(size_t bytes, size_t alignment, bool zeroed, size_t *usable);
void extent_free(void *start);

// Tries to let the extent hold `bytes` without moving; returns the bytes it holds now.
size_t extent_resize(void *start, size_t bytes);

// Lets the memory go that was free for 10 s; all: what is free. jemalloc looks at the clock only when somebody calls it. Collector thread.
void extent_decay(bool all);

// Private memory of any size for the collector's own structures, zeroed; NULL when there is none.
void *extent_meta_alloc(size_t bytes);
void extent_meta_free(void *start);

// Private memory that jemalloc holds for itself, in bytes.
size_t extent_metadata_bytes(void);

void extent_fork_prepare(void);
void extent_fork_parent(void);
void extent_fork_child(void);
// A thread that used jemalloc ends.
void extent_thread_exit(void);
