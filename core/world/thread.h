// The registry: every thread that came to the heap, or that we saw start.
//
// T1. A record belongs to one thread from thread_register to thread_unregister; both happen inside a critical section,
//     under the registry's lock. Records are recycled, never unmapped: a stale pointer to one reads a valid record.
// T2. The fields of a stopped thread's state (sp, context) are written by the thread before it says that it is stopped.
// T3. The collector's own threads are not registered; world_own_thread tells them apart.
#pragma once

#include "base/crit.h"
#include "heap/cache.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <ucontext.h>

struct thread {
    struct thread *next, *prev; // registry's lock
    pid_t tid;
    uintptr_t stack_lo, stack_hi; // of the thread's own stack; 0 when unknown
    uintptr_t frames_hi;          // where its first frame begins: above are its variables; 0 when unknown
    struct cache *cache;          // NULL: a thread that never came to the heap
    uint32_t visited;             // the last ragged handshake it took part in (collector)

    _Atomic uint32_t stop_word;  // generation << 2 | enum stop_state (core/world/stop.c)
    _Atomic uint32_t signals;    // stop signals sent and not yet seen by the handler
    struct thread *next_awaited; // of those who have yet to answer (guarded as stops are: core/world/stop.c)
    uint32_t asked_again;        // the generation in which it got the second signal (collector)
    uintptr_t
        entry_sp; // where it entered the library to wait, its registers pushed above; 0: it did not (own thread)
    uintptr_t sp;              // while stopped: scan its stack from here (T2)
    const ucontext_t *context; // while stopped by the handler: the registers; NULL when it parked itself
};

extern __thread struct thread *thread_self;

// Registers the calling thread with what is known of its stack (0, 0: nothing). Idempotent. Inside a critical section.
void thread_register(uintptr_t stack_lo, uintptr_t stack_hi);
// Tells the registry where the calling thread's stack is, once that is known; frames_hi 0: not known.
void thread_set_stack(uintptr_t stack_lo, uintptr_t stack_hi, uintptr_t frames_hi);
// The calling thread ends: gives back its magazines and forgets it. Not inside a critical section.
void thread_unregister(void);

// Whether a slot lies in some thread's magazine: it looks allocated, but is not the program's. Other threads' magazines
// change while this looks: for tests and debugging.
bool thread_any_holds(unsigned bin, const void *slot);

// The registered thread whose stack holds the address, 0 for none. Not inside a critical section.
pid_t thread_with_stack_at(uintptr_t address);

// Threads that said good-bye and are still in the kernel's list. At the very end the C library blocks all signals and frees
// the thread's stack, perhaps waiting for a lock that a stopped thread holds: such a thread cannot be stopped, and need not
// be: its program's part is over, and what it frees it gives back as anybody does beside a marker.
bool thread_is_leaving(pid_t tid);
// Forgets those that are gone, so that their numbers can be another's. Collector.
void thread_prune_leaving(void);

// Threads in the registry.
size_t thread_count(void);
struct thread *thread_first_locked(void);
void thread_registry_lock(void);
void thread_registry_unlock(void);

// The collector's own threads: they announce themselves, and are never stopped.
void thread_announce_own(void);
void thread_forget_own(void); // at its end
bool thread_is_own(pid_t tid);

void thread_fork_prepare(void);
void thread_fork_parent(void);
void thread_fork_child(void); // only the caller is left
