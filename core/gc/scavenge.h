// The scavenger: gives free memory back to the system, in the collector thread, between cycles. After Go's runtime/mgcscavenge.go.
//
// What is worth keeping (scavenge_keep) is what was in use at some moment of the last 15 s, and what the program will take soon, up to the
// goal. Within a busy program that is Go's 110 % of the goal; a peak that comes again every few seconds is not paid for with page faults,
// each of which costs a hundred times what dropping the page did (18 us on a virtual machine); and in a program that has become idle
// it is next to nothing, so that a peak which does not come again is gone within a minute.
//
// Z1. A turn takes a slice of SLICE_NS, and rests for 99 times as long as it took: a hundredth of a processor. While the memory limit is
//     passed it rests 9 times as long.
// Z2. A pass looks first at what is resident and vacant (heap/vacant.h), stretch by stretch of 4 MiB, then drops vacant pages in the
//     emptiest stretches first, until what stays is a tenth more than what is worth keeping. Dense stretches come last: what is free in
//     them is taken again soonest, and dropping parts of a stretch breaks up its huge pages.
// Z3. A pass that came to its end is repeated only when the heap or the demand has changed.
// Z4. Large free extents are jemalloc's: its decay (10 s) needs somebody who lets it look at the clock.
// Z5. What died without being freed needs a cycle. A program that was busy and has become idle (at its present rate the next cycle is more
//     than FAR_S away) gets one, once, when that costs a fiftieth of the time since the last one at most. Go waits for its cycle of every two
//     minutes there: its programs never free, so a cycle that grew their heap was seldom long ago.
// Z6. Under GCPRE_STRESS nothing is worth keeping, and there is a turn after every cycle.
//
// Not given back: pages of spans that a thread claims from, of magazines, and of the slab that is being cut (64 KiB a class and thread,
// 4 MiB).
//
// Huge pages: see core/README.md.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What of the heap is worth keeping, in bytes, when so much lives, the next cycle ends at the goal, so much was allocated lately, and so
// much was in use at most.
size_t scavenge_keep(size_t live_bytes, size_t goal_bytes, size_t lately_bytes, size_t peak_bytes);

// The collector thread begins, perhaps in a forked child: nothing is known.
void scavenge_begin(void);
// Does what is to do; returns after how many ns it wants to be called again. The collector thread, no cycle under way.
uint64_t scavenge_turn(void);
// Whether a cycle is due because the program has become idle (Z5).
bool scavenge_wants_cycle(void);
// A cycle has ended, which took so much processor time, and saw a heap of so many bytes. lull: it was for Z5.
void scavenge_cycle_ended(uint64_t cpu_ns, size_t heap_bytes, bool lull);

struct scavenge_figures {
    uint64_t returned_bytes, cpu_ns, passes; // so far
};
struct scavenge_figures scavenge_figures(void);
