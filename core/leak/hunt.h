// The hunt for leaks: what allocations, cycles and the end of the process have to do with it.
//
//   boot ── every allocation is noted ── cycles: findings ──┬── exit() or the return of main: a cycle, phase `exit`
//                                                           └── the last of exit's handlers: a cycle, phase `late`, the report's end
//
// H1. Before hunt_boot has said yes, and when nobody asked, nothing is noted and `hunting` is false.
// H2. Only the collector thread judges and writes; others ask it.
// H3. What the program printed or returned stays, unless GCPRE_EXITCODE asks.
#pragma once

#include "heap/heap.h"

extern bool hunting; // every allocation is noted; constant after boot

// When the options ask for it. Constructor.
void hunt_boot(void);
// What is to be noted of an allocation of n bytes on behalf of the caller. Outside critical sections.
struct note_facts hunt_facts(size_t n, const void *caller);

// The return address that main will use, its address, and what it had on its stack.
void hunt_main_begins(uintptr_t main, uintptr_t stack_pointer);
void hunt_main_returned(void);
// exit was called; all later findings belong to exit's handlers.
void hunt_exit_begins(void);
// The exit code that the process should have instead of its own; 0: its own.
int hunt_exit_ends(void);

const char *hunt_tier(void);
bool hunt_forked(void);

// LeakSanitizer's interface.
void hunt_ignore(const void *p);
void hunt_disable(int more); // 1, -1; nests; this thread's allocations
bool hunt_check(void);       // a cycle and a report of what is lost so far; whether anything is

void hunt_fork_prepare(void);
void hunt_fork_done(bool in_child);
