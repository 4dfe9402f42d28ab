// Growth: which sites' living blocks become more and more, although all of them are reachable.
//
// A walk over the living blocks (leak/finding.h) tells of each site their bytes, and from how many spells of time some of them are left:
// its generations. A list that gets an entry now and then has blocks of every spell since it began. A cache that is full has those of
// the last spells only, and no more bytes; a table that was filled when the program started has those of the first.
//
//   QUIET ──── a walk finds more generations and more bytes than any before: a record ────▶ RISE ──── as G2 says ────▶ suspect
//     ▲                                                                                      │                            │
//     └──────── no record for too long: a plateau; or less than before: a fall ──────────────┴────────────────────────────┘
//
// G1. Only blocks that are settled count: that lived through GROWTH_YOUNG cycles. What requests need for themselves is left out so.
//     Generations are those of blocks born after the rise began, by spells of 1, 2, 4... cycles: 64 cover it, however long it is.
// G2. A site is a suspect while its rise is a second old and GROWTH_STEPS records or more of it are steps: no step adds more than half of what had grown before.
//     (A table being filled doubles from cycle to cycle, because cycles come when the heap has doubled.) And at least a quarter of the
//     growth came in the second half of its time: what goes towards a limit is no suspect for long.
// G3. A rise ends in a plateau when no record comes for four times as long as one took until then, and in a fall when a quarter of its
//     generations or half of its growth is gone. After a fall a rise must last twice as long as the longest that fell, so that what is
//     filled and emptied again and again is suspected in its first round at most.
// G4. What rises and falls is seen only at walks, and a site is judged as a whole: a small list behind a large cache of the same site
//     is not seen.
//
// The figures of a site belong to the collector thread. No part of this allocates.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { GROWTH_MARKS = 8, GROWTH_SPELLS = 64, GROWTH_YOUNG = 2, GROWTH_STEPS = 16 };

// Of one site. Cycles are numbers of ended cycles, times those of reports.
struct growth {
    uint64_t since_ns, first_bytes; // the rise's beginning; 0: none has begun yet
    uint64_t best_bytes, record_ns; // of its last record
    uint64_t mark[GROWTH_MARKS];    // best_bytes each stride cycles, for G2's halves
    uint64_t told_bytes;            // that had grown when growth_look said so last
    uint64_t born, settled_bytes;   // of the settled blocks that this walk meets: the spells they are from
    uint32_t since_cycle, record_cycle;
    uint32_t records, steps, stride;
    uint32_t longest_fallen; // in cycles (G3)
    uint8_t shift;           // a spell has 1 << shift cycles
    uint8_t marks, best_generations, idle_walks;
    bool suspect;
};

enum growth_news { GROWTH_NOTHING, GROWTH_BEGAN, GROWTH_DOUBLED, GROWTH_ENDED };

// Before a walk, and for each living block that it meets.
void growth_walk_begins(struct growth *g, uint32_t cycle);
static inline void growth_meet(struct growth *g, uint32_t cycle, uint32_t born, uint64_t bytes)
{
    uint32_t spell = (born - g->since_cycle) >> g->shift;
    if (cycle - born < GROWTH_YOUNG)
        return;
    g->settled_bytes += bytes;
    if (born >= g->since_cycle && spell < GROWTH_SPELLS)
        g->born |= 1UL << spell;
}
// After a walk: what is to be told. DOUBLED: it has grown by twice as much as when it was told of last.
enum growth_news growth_look(struct growth *g, uint32_t cycle, uint64_t now_ns);

uint64_t growth_bytes(const struct growth *g);     // since the rise began
uint64_t growth_rate(uint64_t bytes, uint64_t ns); // in bytes per hour, at most UINT64_MAX
uint64_t growth_bytes_per_hour(const struct growth *g, uint64_t now_ns);
// In percent: how likely it is to go on for GROWTH_STEPS further steps, when nothing is known but that it did so for its steps
// (J. R. Gott, Nature 363, 1993).
unsigned growth_confidence(const struct growth *g);
