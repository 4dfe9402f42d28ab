// Ways: a path that was found (leak/path.h) as records, where records go (leak/report.h); and those to what a report suspects.
//
// V1. A report's suspects are the sites that grow, and those with blocks that nobody writes; of each the WAYS_MOST that have most. What is
//     told is the way to the oldest block of the site that one walk over the heap met.
// Collector thread, between cycles.
#pragma once

#include "leak/path.h"

enum { WAYS_MOST = 10 };

// The block of a site that was allocated first, of those that a walk meets.
struct oldest {
    uintptr_t base; // 0: none yet
    uint32_t born, order;
};
void oldest_meet(struct oldest *o, uintptr_t base, const struct note *note);

struct way {
    uintptr_t base;    // of the block that it leads to
    uint32_t site;     // whose oldest that is, to be told; 0: it is not
    uint64_t begun_ns; // when the walk began
};

// A `path` line and its steps; the walk still has its tables. problem: why that came to no end, or NULL.
void way_put(const struct way *w, enum path_result result, const struct path *found, const char *problem);

// Those of a report, if they take no more than this of processor time and no walk of somebody else's is under way; after findings_walk.
void ways_put_suspects(uint64_t cpu_ns);
