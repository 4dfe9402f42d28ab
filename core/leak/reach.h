// Reach: what is reachable, and from where: a walk over the living heap beside the running program, on demand, breadth first.
//
//   begin ── roots ── steps: globals, mappings, the kernel's ── steps: what only stacks and registers lead to ── end
//
// R1. A block that the walk meets gets a parent: the block that a pointer to it was read in first, or a root. Parents therefore
//     make shortest paths; and one from a stack, whose words may be stale, is there only when no other is (from its outermost
//     frames first).
// R2. Nothing stops but each thread for as long as its stack is read (world_handshake). So what is learned held for a moment that is
//     not the same one for all of it: who tells of it reads it again (leak/path.h).
// R3. Slots that threads kept for themselves when they were stopped are no blocks.
// R4. Memory: 8 bytes for each block that is met (one page of 1024 slots at least), 16 for each root. Without it, or in a heap of more
//     than REACH_HEAP_MOST, nothing is told.
// R5. Blocks are read only between collector_looks(true) and collector_looks(false).
// R6. Strictly: first all that firm words lead to. Those are outside stacks and registers, at multiples of eight (in code anywhere), and
//     hold the address of a block's first byte, tags aside; what the kernel holds, and protected pages, are held firmly too. Then what other
//     words lead to, then what stacks and registers do. There are no parents then.
// Collector thread, between two cycles; one walk at a time.
#pragma once

#include "heap/heap.h"

#include <sys/types.h>

enum reach_root_kind {
    REACH_MAPPING,   // a word of a module or of any other memory of the program
    REACH_KERNEL,    // epoll data and the like (world/pins.h); no address
    REACH_POOL,      // an object pool (gc/pool.h); no address
    REACH_PROTECTED, // the block has a page that the program protected; no address
    REACH_THREAD,    // a word above a thread's frames: its variables, and what the C library keeps of it
    REACH_STACK,     // a word of a stack: conservative, it may be stale
    REACH_REGISTERS, // no address
};

struct reach_root {
    uintptr_t address; // of the word
    pid_t tid;         // thread, stack, registers
    uint8_t kind;      // enum reach_root_kind
};

#define REACH_HEAP_MOST (60UL << 30) // bytes of the cage in use

// Called for every pointer to a block that is read; from is NULL: a root, and then of those of stacks and registers only what leads to
// something new. is_new: nobody had met the block.
typedef void reach_edge(const struct heap_block *from, const struct heap_block *to, bool is_new);

// NULL, or why there can be no walk. edge may be NULL.
const char *reach_begin(reach_edge *edge);

// How a block is held that a strict walk meets. THROUGH: firmly, by one that is not held firmly itself.
enum reach_hold { HELD_FIRMLY, HELD_INSIDE, HELD_UNALIGNED, HELD_BY_STACK, HELD_THROUGH };
typedef void reach_met(const struct heap_block *b, enum reach_hold how);
const char *reach_begin_strictly(reach_met *met);

// Takes the program's roots. NULL, or why they could not be had.
const char *reach_take_world(void);
// Takes these words for roots; `address` is that of the first, or 0.
void reach_take(enum reach_root_kind kind, pid_t tid, const void *words, size_t bytes, uintptr_t address);
// Goes on until it is at its end, or that time has come (base/clock.h). True: it is at its end.
bool reach_step(uint64_t until_ns);
// The same by this step, which begins or ends more than a walk, for so much of this thread's processor time: a machine that is busy with
// others makes no difference.
bool reach_step_for(uint64_t cpu_ns, bool (*step)(uint64_t until_ns));
// What went wrong so far, or NULL.
const char *reach_problem(void);
void reach_end(void); // gives its memory back
bool reach_is_under_way(void);

struct reach_count {
    uint64_t blocks, bytes; // of those that were read
};
struct reach_count reach_counted(void);

// How the walk came to the block that begins there: false: it did not. *root is there when the parent is no block.
bool reach_parent(uintptr_t base, uintptr_t *parent, const struct reach_root **root);
// Where among these words the first stands that the filter gives as this value (gc/scan.h); 0 when there is none.
size_t reach_place(const void *words, size_t bytes, uintptr_t value);
