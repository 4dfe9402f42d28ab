// Vacant pages: pages of spans in which no slot is in use, and their way back to the system.
//
// N1. A page is dropped only while its span is held (span_hold), and only when every slot that reaches into it is free then. So what
//     is dropped belongs to nobody, and whoever claims it later finds zeros, which free slots may always hold.
// N2. Of four units whose spans are all in the pool the table of slots goes too (cage.words, a page for four): 16 MiB for a GiB of heap.
//     Nobody reads it there, and who opens a span writes what it needs of it.
// N3. Dropping is MADV_DONTNEED: the page stays readable and reads as zeros (cage.h, K1).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The vacant pages of a unit, a bit a page. Safe at any time; while the heap changes an answer of the moment. 0: it is no span, or one
// that a thread claims from.
uint32_t vacant_pages(size_t unit);

// Of so many resident pages of the unit those bytes that are neither vacant nor in slots in use: what fragmentation costs. The same.
size_t vacant_waste(size_t unit, uint32_t resident);

// Drops those of `pages` that are vacant; tells which. *refused: the kernel does not let them go (locked memory). Collector thread.
uint32_t vacant_drop(size_t unit, uint32_t pages, bool *refused);

// N2, for VACANT_GROUP units from one that is a multiple of that on. Whether it went.
enum { VACANT_GROUP = 4 };
bool vacant_drop_table(size_t unit);
