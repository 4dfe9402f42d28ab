// The hunt for leaks: what allocations, cycles and the end of the process have to do with it.
//
//   boot ── every allocation is noted ── cycles: findings ──┬── exit() or the return of main: a cycle, phase `exit`
//                                                           └── the last of exit's handlers: a cycle, phase `late`, the report's end
//
// H1. Before hunt_boot has said yes, and when nobody asked, nothing is noted and `hunting` is false.
// H2. Only the collector thread judges and writes; others ask it.
// H3. In a process without cycles the last report says what was proven before, and why that may not be all.
// H4. What the program printed or returned stays, unless GCPRE_EXITCODE asks.
#pragma once

#include "heap/heap.h"

extern bool hunting; // every allocation is noted; constant after boot
extern bool
    sampling; // samples are (GCPRE_SAMPLE), because somebody may ask over the control socket; never both

// When the options ask for it. Constructor.
void hunt_boot(void);
// What is to be noted of an allocation of n bytes on behalf of the caller. Outside critical sections.
struct note_facts hunt_facts(size_t n, const void *caller);

// The site of a call that is no allocation; 0 when none is kept (nobody hunts, __lsan_disable). Outside critical sections.
uint32_t hunt_site(const void *caller);

// Where the program's part of the stack ends in a function that it called: the lowest of the registers that this function saved for
// it, right below the return address (gcc pushes all of them behind the frame pointer). What lies below is ours, and what lay there
// before, and no reference.
static inline __attribute__((always_inline)) uintptr_t hunt_entry(void)
{
    __builtin_unwind_init();
    return (uintptr_t)__builtin_frame_address(0) - 5 * sizeof(uintptr_t);
}

// The return address that main will use, its address, and what it had on its stack.
void hunt_main_begins(uintptr_t main, uintptr_t stack_pointer);
void hunt_main_returned(uintptr_t entry);
// exit was called; all later findings belong to exit's handlers.
void hunt_exit_begins(uintptr_t entry);
// The exit code that the process should have instead of its own; 0: its own.
int hunt_exit_ends(uintptr_t entry);
// From here on nothing can be proven or written in this process: the report is written now. Outside critical sections.
void hunt_retires(const char *why);

const char *hunt_tier(void);
uint32_t hunt_weight(const struct note *note); // how many blocks it stands for
bool hunt_forked(void);

// LeakSanitizer's interface.
// Suppressions that the program brings, in that format; the text stays. Before the first is needed.
void hunt_suppress(const char *text);
// Asked when the program ends: whether it wants no check. NULL: nobody to ask.
void hunt_set_turned_off(int (*asked)(void));
void hunt_ignore(const void *p);
void hunt_disable(int more);      // 1, -1 (one too many does nothing); nests; this thread's allocations
bool hunt_check(uintptr_t entry); // a cycle and a report of what is lost so far; whether anything is

void hunt_fork_prepare(void);
void hunt_fork_done(bool in_child);
