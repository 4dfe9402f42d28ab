// A collection cycle: see cycle.c, which reads from top to bottom.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Runs one cycle. Collector thread only.
void cycle_run(bool forced);

// Cycles that ran to their end, reclaiming or not.
uint64_t cycle_count(void);

bool cycle_boot(void); // false: no memory for its buffers
void cycle_fork_child(void);
