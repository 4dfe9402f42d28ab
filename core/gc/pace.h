// Pacing: when a cycle begins, and who works for it. After Go's runtime/mgcpacer.go (1.19): the heap may grow by GOGC
// percent of what a cycle must look at; the cycle begins early enough to end there, by the ratio of allocation to marking
// seen last time; an allocating thread that runs ahead of the marker marks for it.
//
// The memory limit (after Go's runtime/mgclimit.go and memoryLimitHeapGoal) lowers the goal, so that everything of ours stays below it:
// blocks (in probation and quarantine too), the library's own memory, and what of the heap is resident without being either blocks or
// vacant. Vacant memory is not counted: the scavenger gives it back when the limit is passed. Where too much lives for the limit, the
// heap has half the room that it would use without one, and the limiter (gc/limiter.h) sees to it that the program gets a processor.
//
// Unlike Go's the goal is not lower than what the heap had lately, which is forgotten by half in five seconds: memory that was there
// a moment ago costs nothing to use again before it is given back (gc/scavenge.h), and a program whose live memory comes and goes has
// a third of the cycles. Its peak stays what it was. bdwgc never gives back, and so collects as seldom.
#pragma once

#include "base/crit.h"

#include <stddef.h>
#include <stdint.h>

struct pace_figures {
    size_t goal_bytes;    // the heap should not grow beyond this before the next cycle ends
    size_t trigger_bytes; // a cycle begins here
    size_t live_bytes;    // after the last cycle
};

// limit_bytes: SIZE_MAX for none.
void pace_boot(int gogc_percent, size_t limit_bytes);
// The same later: the goal follows at once. Thread-safe, no lock. A heap that is larger than the new goal is collected when the program
// next allocates: whoever cannot wait asks for a cycle when pace_due says so.
void pace_change(int gogc_percent);
// The limit in bytes, SIZE_MAX for none; returns the one before.
size_t pace_change_limit(size_t bytes);
size_t pace_limit(void);
int pace_percent(void); // negative: off
// What it leaves to the heap's memory, blocks and free; SIZE_MAX without a limit.
size_t pace_heap_limit(void);
// Whether no cycle would be due but for the limit.
bool pace_only_limit_asks(void);
// So much of the heap is resident, and neither blocks nor vacant (gc/scavenge.c): fragmentation. Any thread.
void pace_note_waste(size_t bytes);

// The heap's bytes, less what is dead and not swept yet.
size_t pace_heap_bytes(void);
// Whether the heap has grown to the trigger.
bool pace_due(void);
// Whether it has grown past the goal; while the limiter is on, past what the goal would be without a limit.
bool pace_overdue(void);

void pace_cycle_begins(bool minor);
// Concurrent marking is over: what it scanned.
void pace_mark_ended(uint64_t scanned_bytes);
// The final stop has condemned all but so much, and the sweep will free it: the next goal holds from here on. With the last one, threads
// would allocate up to that while the sweep runs, however little lives. World stopped.
void pace_sweep_begins(size_t live_bytes);
// The cycle is over: what is alive, and the roots that were scanned with it, by how long it took altogether.
void pace_cycle_ended(size_t live_bytes, size_t root_bytes, uint64_t cycle_ns);
// Whether what is left up to the goal is still half of what the last full cycle gave.
bool pace_has_room(void);
// The next cycle is likely to be of this kind.
void pace_expect(bool minor);

// What remains of `before` bytes that the heap had, so long ago, where it has just had `used`.
size_t pace_credit(size_t before, uint64_t elapsed_ns, size_t used);

struct pace_figures pace_figures(void);

// In a thread that just took `bytes` from the heap while marking runs: helps in proportion when marking is late.
// Not inside a critical section; enters bounded ones (DESIGN: assist). Patient: waits for something to do, a quarter of a millisecond at
// most. False: there was nothing to do.
bool pace_assist(size_t bytes, bool patient);
uint64_t pace_assist_ns(void);           // processor time threads spent so since the cycle began
uint64_t pace_assist_marked_bytes(void); // of blocks that they marked
// A thread of the program was held up for so long, because the heap is past its goal; assists included.
void pace_note_held(uint64_t ns);
uint64_t pace_take_held_ns(void); // all since the last call
// Waits until no thread assists any more; heap_marking is false already. Collector thread.
void pace_assists_end(void);

void pace_fork_child(void);
