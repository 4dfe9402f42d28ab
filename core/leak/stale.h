// Staleness: living blocks that the program has not written for GCPRE_STALE or longer. It is no leak, and no proof of anything: constants
// are read and never written. But what was filled once and is never looked at again is among them.
//
// Pages tell (world/written.h), so a block is fresh as long as anything on its pages is: the figures are lower bounds. A block
// counts when it was born before that time began, and when there were STALE_WINDOWS whole windows in it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Of one site, by the last walk.
struct stale {
    uint64_t blocks, bytes;
    uint32_t oldest; // moment of the one that was written longest ago
};

// When the options ask for it. Constructor, after the cage is there.
void stale_boot(void);
// The following in the collector thread, between cycles: what has happened by now; a child's looks are its own.
void stale_cycle_ended(uint32_t cycle);
void stale_forget(void);
// Before a walk: whether anything is known. Then for each block.
bool stale_walk_begins(void);
void stale_meet(struct stale *s, uint32_t born, uintptr_t base, size_t bytes, size_t asked);
// How long nobody has written the oldest.
uint64_t stale_unwritten_ns(const struct stale *s);
