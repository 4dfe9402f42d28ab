// Stopping threads by signal.
//
//   collector                      thread
//   stop_word = gen|REQUESTED      (anything)
//   tgkill ----------------------> handler: inside a critical section? note it, return; crit_leave parks later
//                                  sp, context stored; stop_word = gen|STOPPED, wake
//   waits for the word <---------- waits until resume_gen >= gen
//   resume_gen = gen, wake ------> goes on
//
// W1. A thread in state STOPPED executes nothing but the wait; all signals are blocked meanwhile.
// W2. No stopped thread is inside a critical section, so none holds a lock of ours.
// W3. A stop that misses its deadline is undone completely; a handler that comes late finds another generation and
//     goes on at once.
// W4. Whether a signal is ours is told by the record's count of signals sent; siginfo can only say that it is not (the kernel
//     may drop it when its queue is full, SOUNDNESS S31).
// W5. Who was asked and has not been seen to answer is in the list `awaited`. It is empty whenever somebody new is asked, so that a record
//     that changes hands meanwhile (T1) is in it once at most. To stop n threads takes n steps, not n for each of them.
// In the handler and while stopped: raw system calls and plain memory only.
#pragma once

#include "world/thread.h"

enum stop_state { STOP_NONE, STOP_REQUESTED, STOP_STOPPED, STOP_GONE };

// The stop signal; constant after stop_boot.
extern int stop_signal;
// A signal of that number that is not ours; set by preload/signal.c.
extern void (*stop_foreign_signal)(int signal, siginfo_t *info, void *context);

// The C library's own two, which nothing of the program's can block by it (nptl's internal-signals.h).
enum { STOP_CANCEL_SIGNAL = 32, STOP_SETXID_SIGNAL = 33 };

void stop_boot(int signal);
// Whether a thread with this stack pointer is the collector's although it has not said so yet: set by core/gc.
extern bool (*stop_is_ours)(uintptr_t sp);
// After the first pthread_create, which installs the C library's handler: threads that block the stop signal are reached by another.
void stop_boot_second(void);

// Stops every thread of the process but the collector's own. NULL: done; else why not, and everything runs.
// world_resume must follow. Called by the collector thread.
const char *world_stop(void);
void world_resume(void);
// In a stopped world: whether some thread at its very end runs on, which may unmap its stack (world/thread.h).
bool world_has_leavers(void);

// Calls visit(t) for each registered thread while that one is stopped: all in turn, not all at once. After it every
// registered thread has left whatever critical section it was in. NULL or the reason why it failed.
const char *world_handshake(void (*visit)(struct thread *t));

// Calls visit(t) while that thread alone is stopped, registered or not. NULL, or the reason why it was not called. Called by the
// collector thread.
extern const char world_too_slow[]; // one of the reasons, after a while
const char *world_visit(pid_t tid, void (*visit)(struct thread *t));

// Calls visit(t) for each stopped thread, registered or not; between world_stop and world_resume.
void world_each_stopped(void (*visit)(struct thread *t));

// The thread's record leaves the registry (under its lock).
void stop_thread_gone(struct thread *t);

// Whether a system call of ours is stopping somebody right now may not overlap with fork: taken before, given back in both.
void stop_fork_prepare(void);
void stop_fork_done(bool child);
