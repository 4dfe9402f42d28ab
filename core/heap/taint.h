// What may still be meant by a pointer to memory that the program has freed.
//
// A marked block that was not written since is not read again: beside the program, and from one cycle to the next where marks are kept
// (gc/cycle.c, C2, C7). A word in it
// that led to a block which has been freed still stands there, and means whoever comes to live there: `if (x->last != p) x->last = p` stores
// nothing when malloc gave the same address again. So whoever comes to live there is marked from birth:
// T1. A free slot keeps its mark: claiming touches no mark (heap/span.h, P5). A marker that meets a pointer to a free slot marks it, without
//     scanning it; if the slot is a block by then, it is scanned after all (gc/mark.c).
// T2. Where no slot has a mark (no block, or the end of a span that is no slot) the unit is tainted: when a marked large block or a span with
//     marks goes, and when a marker meets a pointer there. In a span that is opened in a tainted unit all slots are marked, a
//     large block that is made there is.
// T3. Of a block that is marked from birth only what the program writes counts, and pages report what is written. What has lain in
//     it before that nobody may mean; verification, which cannot tell, has it emptied.
// T4. Nobody is born with a mark that a full cycle would believe. Where marks are not kept the final stop ends the taints. A full cycle that finds
//     kept marks takes taint_wanted away, lets every thread pass outside of critical sections, and then ends the taints and clears the marks;
//     otherwise a block that goes with its mark would taint its unit, and one that is born there be marked, behind its back.
// T5. Who comes to live somewhere says so (cage.units, cage.pages) and then looks for the taint; a marker that finds nobody there taints and then
//     looks again. Who goes says so and then looks for the mark; a marker that finds somebody marks and then looks again. A full barrier lies
//     between the two in each case, so one of them sees the other.
#pragma once

#include "heap/cage.h"

#include <stdbool.h>

// Blocks are marked beside the program; otherwise nothing is tainted, and nobody is born marked. Collector thread.
extern _Atomic bool taint_wanted;

// Any thread, inside a critical section, or a marker. lo < hi, committed.
void taint_units(uintptr_t lo, uintptr_t hi);
// A pointer that leads to no slot; any value.
void taint_at(uintptr_t value);

// Whether one of these units is. Any thread, inside a critical section.
bool taint_has(uintptr_t lo, uintptr_t hi);

// Ends all taints. Collector thread: in a stopped world, or as T4 says.
void taint_end_all(void);
