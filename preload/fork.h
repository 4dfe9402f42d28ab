// Ways to fork that call no handlers: what their wrappers need. See fork.c.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Before, and afterwards in either process. Not a fork in truth (an error): fork_leave(entered, false).
bool fork_enter(void);
void fork_leave(bool entered, bool in_child);

// Whether the system call makes a process with a copy of our memory; `first` is its first argument.
bool fork_is_one(long number, long first);

// After clone with these flags: a process that shares our memory, and is no thread, ends the reclaiming (SOUNDNESS S23).
void fork_note_sharing(uint64_t flags);

// For clone: begins as a copy of this process, then runs body.
struct fork_start {
    int (*body)(void *);
    void *arg;
    bool entered;
};
int fork_begin_child(void *start);
