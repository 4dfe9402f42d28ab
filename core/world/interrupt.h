// System calls that our stop signal interrupted (S32).
//
// SA_RESTART makes the kernel repeat most calls by itself. The others come back with EINTR: the stop handler looks at
// the interrupted context when it is about to return, and either makes the call again, or tells the wrapper around
// the call (preload/wait.c) that the EINTR is ours, so that it goes on with the time that remains. An EINTR that the
// program is owed, because a handler of its own is about to run, stays.
//
// Model: a wrapper notes the address of its frame, and the number of the call it makes, in thread-local storage. A
// stop belongs to that wait if it interrupted this number with a stack pointer less than a signal frame below the
// wrapper's. Nobody has to withdraw a note: one left by a wrapper that was cancelled, or left by siglongjmp, costs at
// most an EINTR in a call of that number made at that depth without the wrapper.
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

struct interrupt {
    volatile uintptr_t frame;      // of the innermost wrapper, 0 for none
    volatile uint64_t mask;        // signals the call blocks while it waits, as the program knows them
    volatile int number;           // of the system call the wrapper makes
    volatile uint32_t interrupted; // set by the handler: that call was interrupted by a stop only
};

// The call keeps the thread's mask. (No set the program passes holds SIGKILL.)
#define INTERRUPT_OWN_MASK UINT64_MAX

extern __thread struct interrupt interrupt_self;

// Announces a call; returns what was announced before, for interrupt_end: a handler of the program may wait in a wait.
static inline __attribute__((always_inline)) struct interrupt interrupt_begin(int number, uint64_t mask)
{
    struct interrupt outer = interrupt_self;
    interrupt_self.frame = 0;
    interrupt_self.mask = mask;
    interrupt_self.number = number;
    interrupt_self.interrupted = 0;
    interrupt_self.frame = (uintptr_t)__builtin_frame_address(0);
    return outer;
}

static inline void interrupt_end(const struct interrupt *outer)
{
    interrupt_self.frame = 0;
    interrupt_self.mask = outer->mask;
    interrupt_self.number = outer->number;
    interrupt_self.interrupted = outer->interrupted;
    interrupt_self.frame = outer->frame;
}

// The context stands in, or just behind, the call that was announced.
bool interrupt_waiting(const ucontext_t *uc);

// A stop is over, or a signal came that the program does not see: called by the handler, all signals blocked.
void interrupt_resume(ucontext_t *uc);

// The opposite: a handler of the program without SA_RESTART ran, so a call that the kernel set up to be made again
// must fail with EINTR instead.
void interrupt_refuse(ucontext_t *uc);

// rt_sigaction's structure.
struct signal_action {
    void (*handler)(int, siginfo_t *, void *);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};
