// When each page of the cage was last found written, for who asks what the program has not touched for long (LEAKS.md: staleness).
//
//            arm        fetches                 disarm, or not              arm
//   program ──┬───────────┬───┬─────────────────────┬────────────────────────┬──
//   pages     │  written between arm and the fetches│  with a window: written│until the next cycle
//
// A cycle's own fetches note what they report. Between two cycles nothing is armed, unless a window is open: then barrier_disarm leaves
// everything armed, and the next barrier_arm is a fetch. Each page that the program writes in a window costs it a fault, about a
// microsecond. That may take a thirtieth of the program's time: a window opens when the faults of those before are paid for.
//
// E1. A moment in the table is that of the look that found the page written: the write was before it. So "not written since" says too
//     little, never too much, about times when somebody watched.
// E2. Where nobody watched, writes go unnoticed. Who judges wants several whole windows in the time in question.
// E3. Only with a barrier that can stay armed (uffd). With the others no window opens.
// E4. A table entry is written by the collector thread alone, also while the world is stopped: its memory was made ready before.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Moments are clock_ns() >> WRITTEN_SHIFT, about 17 ms.
enum { WRITTEN_SHIFT = 24 };

// Somebody will ask. Constructor; false: no memory.
bool written_boot(void);
bool written_is_asked_for(void);
// The collector thread begins, perhaps in a forked child: nothing is known as yet.
void written_begin(void);

// The collector thread looks now, at memory below top: notes what it finds.
void written_look(uintptr_t top);
void written_note(uintptr_t lo, uintptr_t hi);
// Whether a window may open now, and that it did; at the look that ends it, how many bytes had been written.
bool written_may_watch(void);
void written_window_opens(void);
void written_window_ends(size_t bytes);
// What was armed is not any more, and nobody knows since when.
void written_lose_track(void);

// The last moment at which one of these bytes was found written, or since which they are watched.
uint32_t written_last(uintptr_t address, size_t bytes);
// Whole windows so far, and nanoseconds in them.
uint32_t written_windows(void);
uint64_t written_watched_ns(void);
