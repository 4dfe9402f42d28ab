// Retained sizes at the level of sites: the bytes that would go if all blocks of a site went.
//
// The walk over the heap (leak/reach.h) makes a graph of sites: an edge where a block of one refers to a block of the other, or a root to
// a block. A site retains what the sites have that it dominates, itself included (leak/dominator.h).
// Y1. It is an estimate that is never too high, but for what changes during the walk: a site that can also be reached by another way is
//     retained by neither, although some of its blocks may be reached one way only; and blocks without a note are one site.
//     What stacks refer to counts only where nothing else leads: a thread that works on something does not own it.
// Y2. Bytes are those that were asked for, of blocks that can be reached.
// Y3. Bounded as the walk is; RETAIN_EDGES_MOST different edges, and what B3 of leak/dominator.h says.
// Collector thread, one at a time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RETAIN_EDGES_MOST (2u << 20)

// NULL, or why it cannot be known. The caller takes the roots of the walk then (reach_take_world).
const char *retain_begin(void);
// Goes on until that time (base/clock.h). True: it is at its end.
bool retain_step(uint64_t until_ns);
// Once it is at its end: NULL, or why nothing is known.
const char *retain_problem(void);
// All of it, if it takes no more than this of processor time, and no walk of somebody else's is under way. Whether it is known; only then is retain_end
// the caller's.
bool retain_within(uint64_t cpu_ns);
// Whether there is anything to be asked for, and for a site.
bool retain_is_known(void);
uint64_t retain_bytes(uint32_t site);
void retain_end(void);
