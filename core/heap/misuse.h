// Errors that the program makes with blocks: a double free, a free of what is no block, a use after free. Each is told of once, with
// where the block was allocated and first freed as far as that is known, and survived, unless GCPRE_ABORT=1.
//
//   free, realloc, malloc_usable_size, a fault ──▶ a line ──▶ stacks (upcalls.misuse) ──▶ GCPRE_ABORT: upcalls.abort
//
// E1. The first MISUSE_TOLD errors are told of. Of later ones only their number is, when it is a power of ten.
// E2. What is found inside a critical section (a magazine is given back, and a slot of it is free) has a line and no stacks: the unwinder
//     takes locks that a stopped thread may hold. The program is aborted when the next slow call has left its own.
// E3. Who freed a block first is in its note (N4) when it has one; else in the trail of who freed it, which quarantine keeps
//     (heap/trail.h). Without quarantine and notes nobody knows.
#pragma once

#include "heap/heap.h"

enum { MISUSE_TOLD = 20 };

// Who calls free or realloc, by the caller's own word: set on their long ways, for what is told of a block later.
struct misuse_caller {
    uintptr_t from; // return address, 0: not known
    uint32_t site;  // of the whole stack, 0: not known
};
extern __thread struct misuse_caller misuse_caller;

// What the layer above adds to the line.
struct misuse {
    const char *heading;        // of the stack that made the error
    uintptr_t here;             // where: a return address, or an instruction that faulted; 0: not known
    bool faulted;               // the latter
    uint32_t allocated_site;    // of the block, 0: not known
    struct misuse_caller freed; // who freed it first
};

// Tells of an error with a block (heap_find's; one that is not allocated: nothing is known of it). The format is log_line's. The first
// free is told of when the block was freed. Any thread, also in critical sections (E2), and in a handler for SIGSEGV outside them.
void misuse_tell(const struct heap_block *b, bool freed, const struct misuse *seen, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
// The same for each error with a block of the heap; p is what the program gave.
void misuse_freed_twice(const struct heap_block *b, const void *p);
void misuse_freed_wrongly(const struct heap_block *b, const void *p); // not by its start, or not there
void misuse_resized(const struct heap_block *b, const void *p);
void misuse_measured(const struct heap_block *b, const void *p);
// The program faulted at this address: tells of it if a sealed block is there. In the handler.
void misuse_faulted(uintptr_t address, bool is_write, uintptr_t instruction);
// The program is aborted if an error was found in a critical section and it should be. Outside them.
void misuse_settle(void);
// Errors so far.
uint64_t misuse_count(void);
