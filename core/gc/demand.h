// Demand: how much memory the program will want of the heap soon, judged by what it took and used lately. For who decides what free memory
// is worth keeping, and whether the program has become idle.
//
// Rings of DEMAND_SECONDS, an entry a second: the bytes allocated by then, and the most that was in use. Who looks more seldom than once a
// second attributes what was allocated in between to the last second: so more seems wanted, not less.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DEMAND_SECONDS = 15 };

struct demand { // all zero at first: everything was taken just now
    uint64_t second;
    uint64_t total[DEMAND_SECONDS + 1];
    size_t peak[DEMAND_SECONDS + 1];
};

// It is now_ns, so many bytes were allocated in all, and so many are in use.
void demand_look(struct demand *d, uint64_t now_ns, uint64_t allocated_total, size_t used_bytes);
// So many were in use since the last look.
void demand_used(struct demand *d, size_t bytes);
// The most that was in use in the last DEMAND_SECONDS.
size_t demand_peak(const struct demand *d);
// It does not count any more what was in use before.
void demand_forget_peak(struct demand *d);
// Bytes that were allocated in the last DEMAND_SECONDS.
size_t demand_lately(const struct demand *d);
// Whether so many bytes will be wanted within that many seconds, at the present rate.
bool demand_reaches(const struct demand *d, size_t bytes, unsigned seconds);
