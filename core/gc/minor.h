// Minor cycles: which cycles keep the marks of the last one and look only at what is new or was written since (gc/cycle.c, C7).
//
// After "sticky mark bits": Demers, Weiser, Hayes, Boehm, Bobrow, Shenker: "Combining generational and conservative garbage collection:
// framework and implementations", POPL 1990. What a cycle found alive stays marked, dead or not, until a full one: a minor cycle costs what is
// new, what was written and the roots. Between cycles old memory stays armed, and each page that the program writes costs it a fault.
//
// N1. A full cycle comes when what minor ones left takes half of the room that the last full one gave the program, when
//     somebody asks for a cycle (gcpre_collect, the period), and at least every FULL_EVERYth time.
// N2. The first comes when most of what is new dies (world/young.h). Minor cycles go on as long as they free a byte for less than full ones do, faults included; then full ones follow without keeping
//     marks, twice as many each time that it happens in a row.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trace;

// The collector begins, perhaps in a forked child: no marks are kept.
void minor_reset(void);
// Whether this cycle is one. kept: the marks of the last one are there.
bool minor_begins(bool kept, bool forced);
// At the final stop: whether it is worth while to keep the marks.
bool minor_keeps(void);
// After the sweep: what the cycle cost and freed; whether the next may be one, so that the barrier stays.
bool minor_ended(const struct trace *t, size_t faults);
