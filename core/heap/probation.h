// Probation: what a cycle condemns waits, untouched, before its memory is reused, so that a pointer that was hidden from the
// collector gives itself away (SOUNDNESS: the collector checks itself; S22).
//
// O1. A condemned block stays allocated and has a record: how many sweeps found it condemned, and a checksum of its contents. A
//     small block's is in its span's list (ascending by slot, under the lock of the span's stripe), a large one's in its row.
// O2. A record ends without a word when a mark finds the block again (a stale word may), or when its sweeps are over: then the
//     block is freed. It ends with a find when the program frees, resizes or measures the block, or its contents have changed.
// O3. After a find blocks of that size are not reclaimed any more; after finds of SIZES_ENOUGH sizes nothing is.
// O4. The unit of a span with records says so (UNIT_WATCHED), and free's short path leaves its blocks to the long one. A free that
//     read the unit just before goes unseen, and so does its record: whatever the slot is by the next sweep, it is free, marked, of
//     other contents, or proved dead once more.
// O5. No memory for records: nothing is freed instead.
#pragma once

#include "heap/span.h"

struct heap_block;

enum { PROBATION_AUTO = -1, SIZES_ENOUGH = 3 };
#define PROBATION_FOREVER UINT32_MAX

// What the program did to a block that it should not know any more.
enum find { FOUND_FREED, FOUND_RESIZED, FOUND_MEASURED, FOUND_WRITTEN, FOUND_NOTHING };

// For the sweep that begins: how many sweeps must condemn a block before the one that frees it. World stopped.
void probation_begin(unsigned sweeps);

// Decides about the dead of a span that is being swept: dead[w] are the slots of word w that may be freed; what stays is taken out.
void probation_sweep(struct span *s, uint64_t *dead);
// An empty span leaves its bin: forgets the records that are left (O4).
void probation_forget(struct span *s);

// The same for one large block: *record and *checksum are its row's; whether it may be freed. The caller reports the find.
bool probation_large(uintptr_t base, size_t bytes, uint16_t *record, uint32_t *checksum, enum find *find);

// Calls visit for every condemned block, as it is now; sweeps: that condemned it so far. Collector thread, no cycle under way; visit
// runs under a lock.
void probation_each(void (*visit)(const struct heap_block *block, unsigned sweeps));

// The program used this small block: whether it was condemned; it is not any more, and the caller reports it.
bool probation_used(uintptr_t base, unsigned bin);
// One line the first time for blocks of this size (bin, or BIN_COUNT for large ones). Holding no lock.
void probation_report(uintptr_t base, size_t bytes, unsigned bin, enum find how);

void probation_fork_prepare(void);
void probation_fork_done(void);
