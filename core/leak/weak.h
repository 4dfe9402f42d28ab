// Weakly held blocks: reachable, but by no way of firm pointers from a root that is no stack (leak/reach.h, R6). What is lost looks so when
// a word that is no reference hides it, or when the program has kept only a pointer into the block, which nobody can free it by.
//
// K1. Told of are those at which the firm ways end, not what these lead to: in a list that only a stale stack word holds, its head.
// K2. Two walks in a row must find a block so (NOTE_WEAK), and it must have lived through two cycles: walks go on beside the program, which
//     moves pointers meanwhile, and holds by its stacks what it works on.
// K3. It is judged by sites. Many programs hold blocks by pointers into them on purpose (second bases of C++, lists through members,
//     texts behind headers), or for as long as a function runs: a site is told of only where as many of its blocks are held firmly.
// K4. What __lsan_ signs ignore, what has a finalizer, and what suppressions name, is left out. It is no proof: nothing of this counts as lost.
// Collector thread, one at a time, where every allocation is noted.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Of one site.
struct weak {
    uint64_t blocks, bytes; // weakly held, in all
    uint64_t inside, unaligned,
        stack; // blocks: by pointers into them; by whole ones that are not aligned; by stacks and registers
    uint64_t firm;     // blocks that are held firmly
    uintptr_t example; // the address of one
};

// NULL, or why it cannot be known. take_roots is called for each walk: reach_take_world, or another that says NULL or a problem.
const char *weak_begin(const char *(*take_roots)(void));
// Goes on until that time (base/clock.h). True: it is at its end.
bool weak_step(uint64_t until_ns);
// Once it is at its end: NULL, or why nothing is known.
const char *weak_problem(void);
// All of it, if it takes no more than this of processor time, and no walk of somebody else's is under way. Whether it is known; only then is weak_end the
// caller's.
bool weak_within(uint64_t cpu_ns);
// NULL: nothing is to be told of that site, or nothing known.
const struct weak *weak_of(uint32_t site);
void weak_end(void);
