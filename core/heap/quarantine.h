// Quarantine (GCPRE_FREE=quarantine): what the program frees is not used again while any pointer to it remains. After MarkUs (Ainsworth,
// Jones: "MarkUs: Drop-in use-after-free prevention for low-level languages", 2020) and MineSweeper (Erdős, Ainsworth, Jones, 2022).
//
// A freed block stays allocated, emptied, with a sign that it was freed; the next cycle that finds no pointer to it sweeps it like any
// garbage. With GCPRE_FREE=ignore free does nothing at all.
//
// Q1. The sign of a block is set by one atomic OR, at the first free: who finds it set frees twice. The sweep that frees the block takes it
//     away, before the slot can be claimed.
// Q2. The units of all spans say UNIT_WATCHED while quarantine is on, so that free's short path leaves their blocks to the long one.
// Q3. A slot of up to 256 bytes is emptied when it is freed: what it led to is not kept alive by it. Larger ones stay as they are, as in
//     MarkUs: who still leads to one keeps alive what it leads to. (Emptying them, too, dirtied pages of which each costs a fault while
//     marking runs: blocks of 1 KiB replaced at random took 2.2 s instead of 0.8.) Of blocks of 512 KiB and more the pages go back to the
//     system. (From 32 KiB on: blocks of 8 to 256 KiB replaced at random took 15 s instead of 2, for the faults of their next owners.)
// Q4. A block that was freed waits for no probation: the program said itself that it is dead.
// Q5. A block of 512 KiB and more is sealed, too: its pages are made inaccessible, so that a use of it is a fault, which is told of (heap/misuse.h), and the
//     kernel's own writes fail. It is unsealed before it is freed by the sweep. Nobody reads a sealed block: whoever is about to looks at
//     its row after heap_is_read was set; who seals sets the row's word first and looks at heap_is_read then, and leaves the
//     block to the end of the cycle if it is set (Dekker's handshake; all of these are sequentially consistent). So K1 of heap/cage.h holds of
//     everything but sealed blocks. At most SEALED_MOST are sealed at a time (vm.max_map_count: each may split a mapping in three), and
//     none whose protection the kernel refuses: these have been emptied, and read as zeros.
// Q6. Who frees counts for itself and adds to what is held back by 64 KiB at a time, a thread whose end nobody is told of at once; the sweep
//     subtracts exactly.
// Q7. A cycle is wanted when more was freed since the last one than a quarter of the rest of the heap (MarkUs's share; of a rest of less than 4 MiB
//     as of 4: a cycle costs half a millisecond even then). What the last one found pointers to, and so left, does not count: cycle
//     after cycle would be run for it in vain. When cycles take more than a quarter of the time, the share doubles, up to as much as
//     the rest: the program is one that does little but allocate. It halves when they take less than a sixteenth.
// Q8. Where no cycle will ever run (any more) nothing would come back: from then on free frees at once. What is held back stays so, and is
//     known to be freed.
#pragma once

#include "heap/span.h"

struct heap_block;

extern bool quarantine_on;            // frees are held back or ignored; constant after boot
extern bool quarantine_ignores;       // ignored
extern _Atomic bool quarantine_holds; // held back: until quarantine_end

// Before there is a second thread; the heap may be in use already.
void quarantine_boot(bool ignore);
// Q8. Says so, once. Any thread.
void quarantine_end(void);
// The program frees this block, which is allocated. False: it has freed it before.
bool quarantine_take(const struct heap_block *b);
// The same for a plain small block, without a call into the rest of the heap: false: nothing was done, heap_free_slow is for this one.
// from: the return address of the call. Outside critical sections and inside.
bool quarantine_take_quick(void *p, uintptr_t from);
// The calling thread ends.
void quarantine_thread_ends(void);
// Whether the program has freed this allocated block.
bool quarantine_has(const struct heap_block *b);
// After quarantine_take_quick: whether so much is held back by now that a cycle should look at it; asks once in a while.
bool quarantine_settle(void);
// Whether so much is held back that a cycle should look at it.
bool quarantine_is_full(void);
// Half of that: so much that a cycle which looks at everything would be worth while.
bool quarantine_is_half_full(void);

void quarantine_fork_prepare(void);
void quarantine_fork_done(void);

// The sweep: takes the slots that were freed out of dead, word by word, into freed, and takes their signs away.
void quarantine_sweep(const struct span *s, uint64_t *dead, uint64_t *freed);
// The sweep is about to free a large block that was freed: makes it accessible. False: the kernel refuses, it must stay (Q5).
bool quarantine_release_large(uint32_t id);
// A cycle begins. Collector.
void quarantine_cycle_begins(void);
// A cycle that began then (base/clock.h) is over, and the barrier is down: seals what was freed meanwhile and is still there. proved: it looked
// at everything and gave back what nothing led to. Collector.
void quarantine_cycle_ends(uint64_t began_ns, bool proved);
// Whether it may not be read (Q5).
bool quarantine_is_sealed(const struct heap_block *b);
