// Which units of the cage the barrier need not arm when a cycle begins: those that are new since the last cycle, when most of what is new
// dies. A program's first write to an armed page costs it a fault and an interrupt of the other processors (3 us on a virtual machine with
// two), arming and disarming half a microsecond a page; and it writes most to what it has just allocated, most of which nobody marks.
//
//                     begin              fetch, marked blocks in it            end
//   old unit  ──────── armed ────────────── armed again ────────────────────── open
//   new unit  ──────── open ─────────────── armed, reported whole ──────────── open
//   (none marked)      open ─────────────── open ───────────────────────────── open
//
// V1. ARMED is a unit's state from before a successful arm returned until it is opened. Every store to it in between is reported by the
//     next fetch.
// V2. A unit that is not ARMED and holds a marked block is reported whole by every fetch; by one that arms, it is armed before that.
// V3. A unit without a marked block need not be reported: only what was read of a black block can have changed since.
// So each black block's unit was ARMED before the block was scanned, or is reported by a fetch after the scan, the last of them in the
// stopped world: what barrier.h's R1 promises for the blocks that matter.
// V4. OLD is a unit that held a block when the last cycle had ended.
// V5. All of this is the collector thread's alone.
// V6. Where marks are kept (gc/cycle.c, C7) the next cycle begins with what the last one left: units that are mostly marked stay ARMED,
//     the others are open and so reported whole if they hold a mark. Nothing is armed without being told: blocks that are marked from birth
//     (heap/taint.h) may appear at any time.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct barrier;

// Nothing is known, nothing is armed: the collector begins, perhaps in a forked child. False: no memory for the table.
bool young_begin(void);
// Forgets what is armed, in a forked child.
void young_forget(void);

// What barrier_arm, barrier_fetch and barrier_disarm do (world/barrier.h), for a barrier that arms any range of units.
// keep: the last cycle ended with young_keep.
bool young_arm(const struct barrier *b, bool keep);
void young_fetch(const struct barrier *b, bool rearm, void (*dirty)(uintptr_t lo, uintptr_t hi));
void young_disarm(const struct barrier *b);
// Ends a cycle whose marks are kept.
void young_keep(const struct barrier *b);
// Whether most units that were new when the last cycle began died in it.
bool young_die(void);
// Armed pages that fetches have reported since the last call: each cost the program a fault.
size_t young_faults(void);
