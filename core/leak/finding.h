// Findings: what a cycle has proven to be lost, by class and by site.
//
// After the sweep the blocks that the cycle condemned are still there, unchanged (heap/probation.h): they are looked through at
// leisure, while the program runs.
//
// F1. A block is told of once, when it is condemned the first time.
// F2. Not told of: what __lsan_ signs ignore, and whatever is reached from there. Suppressed: allocated at a site that a suppression
//     names, and whatever is reached from there.
//     Indirect: reached from another lost block. Direct: all others, and of each cycle of blocks that nothing else leads to the one
//     that was allocated first.
// F3. Blocks without a note (allocated before we were ready) are not told of, but what they lead to is.
// F4. A block that the program frees or resizes while we look was not lost: it had a pointer that cannot be seen, and is not told of.
#pragma once

#include "leak/site.h"

// Looks at the last cycle's condemned blocks, and counts them in their sites as lost in this phase; since_ns is the last proof before
// this one. Collector thread, after a cycle.
// Returns the sites that got some, linked by fresh_next; their fresh counts stay until the next call.
struct site *findings_look(enum lost_phase phase, uint64_t now_ns, uint64_t since_ns);
// Counts what lives, in the sites' walk_ figures.
void findings_walk(void);
// Bytes of the blocks that the last walk saw beyond what was asked for.
size_t findings_slack_bytes(void);
// The suppression that names this site, NULL: none does. Collector.
struct suppression *finding_suppression(struct site *s);
