// Kept extents: those of middle size that were freed a moment ago, for the next request of their size class. jemalloc's own way to free one
// and to find one again takes half a microsecond (it merges neighbours, and splits them); its thread caches, which would spare that, belong
// to its threads, and ours come and go by stop signals and forks.
//
// V1. What is kept is allocated as far as jemalloc knows, and nobody's as far as we do: no page of it is in cage.pages.
// V2. All extents of a class have the class's size, whatever was asked for: any of them serves any request of the class.
// V3. At most KEPT_BYTES, and no longer than the scavenger's next turn (kept_release).
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define KEPT_LEAST ((size_t)16 << 10)
#define KEPT_MOST  ((size_t)1 << 20) // bytes of an extent
#define KEPT_BYTES ((size_t)4 << 20) // of all

// An extent of at least `bytes`, with whatever its last owner left in it; NULL: none is kept.
void *kept_take(size_t bytes);
// `bytes` are those of a size class of jemalloc's. False: it is not kept.
bool kept_put(void *start, size_t bytes);
// Gives all of them away.
void kept_release(void (*give)(void *start));

void kept_fork_prepare(void);
void kept_fork_done(void);
