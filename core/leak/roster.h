// The roster: a number for each place that a block can be in, as the heap was at one moment, for tables about single blocks.
//
// N1. A number stands for a slot of a span, or for the identifier of a large block. Spans that change their bin afterwards, and what
//     lies in spans and identifiers that are new, have none: who looks while the program runs does without them.
// Collector thread only; one at a time.
#pragma once

#include "heap/heap.h"

#define ROSTER_NONE UINT32_MAX

// False: no memory, or more than ROSTER_NONE places.
bool roster_take(void);
// Numbers are below; 0 while there is no roster.
uint32_t roster_end(void);
// Of a block that was just found.
uint32_t roster_number(const struct heap_block *b);
// Calls visit for each allocated block that has a number, until it says no; slots that threads keep for themselves are among them.
void roster_each(bool (*visit)(const struct heap_block *b));
void roster_drop(void);
