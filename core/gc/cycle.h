// A collection cycle: see cycle.c, which reads from top to bottom.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Runs one cycle. Collector thread only.
void cycle_run(bool forced);

// Cycles that ran to their end, reclaiming or not.
uint64_t cycle_count(void);
// The figures of the cycle that ended last. Collector thread.
const struct trace *cycle_last(void);
// Memory that counts as a root until the next call; 0, 0: none. While no cycle is under way.
void cycle_also_scan(uintptr_t lo, uintptr_t hi);
// Leaks are hunted: condemned blocks wait for at least one cycle, whatever the options say (and for ever when nothing is to be reclaimed);
// stacks of ended threads (world/dead.h) and freed blocks keep nothing alive. Before the first cycle.
void cycle_hunt(void);

bool cycle_boot(void); // false: no memory for its buffers
void cycle_fork_child(void);
