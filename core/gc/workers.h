// Mark workers: the collector thread and its helpers, which drain the grey pool together.
#pragma once

#include "gc/mark.h"

#include <pthread.h>

enum { WORKERS_MAX = CREW_MAX };

// Prepares `concurrent` workers for marking beside the program, and more for marking while it is stopped. Collector thread.
void workers_boot(unsigned concurrent, unsigned stopped);
// Starts the helpers that are missing. The C library allocates for a new thread, with all signals blocked: not while
// the world is stopped (a stopped thread may hold a lock of the loader's), nor while pages are armed (the fault would be
// the end). Collector thread, before a cycle.
void workers_start_helpers(void);

// The collector thread's own marker.
struct marker *workers_own(void);

// Drains with the helpers there are until nothing is grey. The world is stopped, or not: that decides how many take part.
void workers_drain(bool stopped);

struct worker_totals {
    uint64_t scanned_bytes, marked_blocks, marked_bytes, cpu_ns; // cpu_ns of the helpers
};
struct worker_totals workers_totals(void);
void workers_reset_totals(void);

// Starts a thread of the collector's with all signals blocked, on a stack of ours that is no root (its TLS is: the C
// library keeps heap pointers there). 0 or an errno value.
int workers_start_thread(void *(*start)(void *arg), void *arg);
// By this function; preload/thread.c puts libc's own in the place of the one we export.
extern int (*workers_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
// Whether a stack pointer is on the stack of such a thread, before it begins too. Any thread, signal handlers.
bool workers_own_stack(uintptr_t sp);
// First thing in such a thread.
void workers_thread_begin(void);

// A thread of the layer above, at most one, that shares the collector's table of descriptors: 0 or an errno value. Called by the
// collector thread at its start; it ends when the layer above makes it, at the collector's end.
int workers_start_guest(void (*body)(void));

// Ends the helpers: the collector thread's last act. Another thread waits until all of them are gone, the collector first, and
// frees their stacks.
void workers_leave(void);
void workers_reap(void);

void workers_fork_prepare(void); // outside critical sections: a thread may be created meanwhile
void workers_fork_done(void);
void workers_fork_child(void);
