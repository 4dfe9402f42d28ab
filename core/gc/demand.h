// Demand: how much the program will take from the heap soon, which is as much as it took lately. For who decides what free memory is worth
// keeping, and whether the program has become idle.
//
// A ring of totals, one a second; the oldest is DEMAND_SECONDS old. Who looks more seldom than once a second attributes what came in
// between to the last second: so more seems wanted, not less.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DEMAND_SECONDS = 15 };

struct demand { // all zero at first: everything was taken just now
    uint64_t second;
    uint64_t total[DEMAND_SECONDS + 1];
};

// It is now_ns, and so many bytes were allocated in all.
void demand_look(struct demand *d, uint64_t now_ns, uint64_t allocated_total);
// Bytes that were allocated in the last DEMAND_SECONDS.
size_t demand_lately(const struct demand *d);
// Whether so many bytes will be wanted within that many seconds, at the present rate.
bool demand_reaches(const struct demand *d, size_t bytes, unsigned seconds);
