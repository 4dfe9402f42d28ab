// What the kernel is about to write into the heap, while the mprotect back-end is in use or may come to be (S40).
//
// A system call that meets a read-only page fails with EFAULT, and what it was to deliver is lost. So whoever makes a
// system call that stores into the program's memory publishes that memory first:
//
//   thread                                 collector (world/barrier_mprotect.c)
//   publishes its ranges                   chunks become ARMING
//   fence                                  fence
//   opens the chunks that are not open     reads what is published, and leaves those chunks open
//   system call                            makes the others read-only
//   withdraws its ranges
//
// N1. At least one of the two sees the other: no chunk is read-only while a call writes to it.
// N2. Ranges live in thread-local storage; the collector finds them through the registry. A thread that is not
//     registered cannot publish: it excludes the chunks from arming for good.
// N3. Nobody has to withdraw: ranges left by a cancelled call, or by siglongjmp out of a handler, are overwritten by
//     later calls. Until then they only cost their chunks' protection.
// N4. The kernel also pushes signal frames. Chunks that a thread was seen to use as its stack are excluded, and every
//     thread has an alternate stack outside the heap for the faults of its first push onto an armed stack.
#pragma once

#include "base/bits.h"
#include "base/meta.h"
#include "heap/cage.h"
#include "world/thread.h"

#include <stdatomic.h>
#include <ucontext.h>

// Whether ranges must be published: true from the start until a back-end that does not need it was chosen, so that a
// call already under way when the mprotect back-end is chosen is known. Never true again, in forked children neither.
extern _Atomic bool kwrite_active;

enum { KWRITE_ROOM = 32 };
#define KWRITE_NOTHING UINT32_MAX

uint32_t kwrite_publish(const struct range *ranges, size_t count);
void kwrite_withdraw(uint32_t ticket);

// Before and after a system call that stores into these ranges (parts outside the heap do no harm). Async-signal-safe.
static inline uint32_t kwrite_enter(const struct range *ranges, size_t count)
{
    if (likely(!atomic_load_explicit(&kwrite_active, memory_order_relaxed)))
        return KWRITE_NOTHING;
    return kwrite_publish(ranges, count);
}

static inline void kwrite_leave(uint32_t ticket)
{
    if (unlikely(ticket != KWRITE_NOTHING))
        kwrite_withdraw(ticket);
}

// The same for one object.
static inline uint32_t kwrite_enter_one(const void *start, size_t bytes)
{
    return kwrite_enter(&(struct range){(uintptr_t)start, (uintptr_t)start + bytes}, 1);
}

// A block was allocated whose bin or row says that it is never armed (S40: libc's own buffers): opens it in case that
// its chunk was armed before it became one.
static inline void kwrite_keep_open(const void *start, size_t bytes);

// The kernel, or a protection of the program's own, will meet this memory at any time: never armed from now on.
void kwrite_exclude(uintptr_t lo, uintptr_t hi);

// The calling thread's alternate stack is now this (lo == hi: none).
void kwrite_set_alternate(uintptr_t lo, uintptr_t hi);
// Our alternate stack for the calling thread, if it needs one and has none; and the end of it.
void kwrite_thread_start(void);
void kwrite_thread_exit(void);
// Whether an alternate stack is the one that we gave the calling thread.
bool kwrite_owns_stack(const stack_t *stack);
enum { KWRITE_STACK_BYTES = 64 * 1024 };

// --- between kwrite.c and the back-end -------------------------------------------------------------------------

// Bytes below a stack pointer that a signal frame may take.
enum { KWRITE_FRAME_BYTES = 16 * 1024 };

// Calls visit(lo, hi) for whatever is published, and for the stacks of threads.
void kwrite_each(void (*visit)(uintptr_t lo, uintptr_t hi));
// A thread is stopped: excludes what its stack pointer points at, gives it an alternate stack.
void kwrite_meet(struct thread *t);
// The same in a signal handler, for the interrupted context: sigreturn installs what this notes there.
void kwrite_give_stack(ucontext_t *uc);
void kwrite_fork_child(void);

// Upcalls of the back-end, set once at boot: a SIGSEGV that is not its own; and where its handler is announced, which is
// then installed by install(mask, flags) as often as the program changes its own action (preload/signal.h).
extern void (*barrier_foreign_fault)(int signal, siginfo_t *info, void *context);
extern void (*barrier_segv_ready)(void (*install)(uint64_t mask, int flags));

// Opens the chunks of [lo, hi) that are armed. After what keeps them open is published, and a fence.
void mprotect_open(uintptr_t lo, uintptr_t hi);
void mprotect_exclude(uintptr_t lo, uintptr_t hi);
// Opens everything, and nothing is armed again (barrier_give_up_mprotect).
void mprotect_give_up(void);

static inline void kwrite_keep_open(const void *start, size_t bytes)
{
    if (unlikely(atomic_load_explicit(&kwrite_active, memory_order_relaxed)) && start) {
        atomic_thread_fence(memory_order_seq_cst);
        mprotect_open((uintptr_t)start, (uintptr_t)start + bytes);
    }
}
