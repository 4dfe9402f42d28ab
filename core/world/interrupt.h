// System calls that our stop signal interrupted (S32).
//
// SA_RESTART makes the kernel repeat most calls by itself. The others come back with EINTR. When the stop handler is
// about to return it sets the interrupted context back to the system call, as the kernel would, with the time that
// remains in the place of its timeout: the call goes on as if nothing had been.
//
// Timeouts. A wrapper around the call (preload/wait.c) announces it beforehand: when it began, how long it may take. The
// announcement belongs to the interrupted call if that has the announced number and its stack pointer is less than a
// signal frame below the wrapper's. It needs no withdrawal when a thread is cancelled.
//
// Sockets. A socket's own timeouts (SO_RCVTIMEO, SO_SNDTIMEO) are no arguments: the call set back begins its whole timeout again. So
// its wrapper notes when it began, once the program has set such a timeout at all; the handler asks the socket for its length, and
// either fails the call as the kernel would at its end, or sets a timer of the thread's that interrupts it then.
//
// The EINTR that is due. A handler of the program's that runs at a context set back like that (it came while the thread
// was stopped, or right behind) must end the call as if it had interrupted it. All of the program's handlers are called
// by preload/signal.c, which asks interrupt_end_call to see to that. Set back, a context points at the system call
// instruction itself: there is no moment in between at which a signal could go unseen. The stop handler remembers where
// that was and with which arguments; should the same call be just about to be made for the first time when it is taken
// for that one, then it fails as if the signal had come a moment later. Conversely a stop may come while the kernel
// returns from a handler of the program's to a call that this handler had ended: interrupt_handled remembers that one.
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <ucontext.h>

struct interrupt {
    volatile uintptr_t frame; // of the wrapper, 0 for none
    volatile int number;      // of the system call
    volatile bool socket;     // it may be a socket's, and began at `start`
    volatile bool timed;      // it waits at most `whole` from `start` on
    clockid_t clock;
    uint64_t start;
    struct timespec whole;
    struct timespec left; // what is handed to the kernel where it reads a relative time
};

extern __thread struct interrupt interrupt_self;
extern __thread unsigned interrupt_handlers_run; // handlers of the program's that this thread has begun

// Notes all but the frame; whole is NULL for a call that may wait for ever, or until an absolute time.
void interrupt_prepare(long number, clockid_t clock, const struct timespec *whole);
// The same for a call made by number; puts &interrupt_self.left in the place of a relative timeout.
void interrupt_prepare_raw(long number, long *arguments);

// Announces the call that follows, in the same function.
static inline __attribute__((always_inline)) void interrupt_announce(long number, clockid_t clock,
                                                                     const struct timespec *whole)
{
    interrupt_prepare(number, clock, whole);
    interrupt_self.frame = (uintptr_t)__builtin_frame_address(0);
}

static inline __attribute__((always_inline)) void interrupt_announce_raw(long number, long *arguments)
{
    interrupt_prepare_raw(number, arguments);
    interrupt_self.frame = (uintptr_t)__builtin_frame_address(0);
}

// Whether the program ever gave a socket a timeout.
extern _Atomic bool interrupt_sockets;
void interrupt_prepare_socket(void);

// Announces the call that follows, in the same function, should it be a socket's.
static inline __attribute__((always_inline)) void interrupt_announce_socket(void)
{
    if (__builtin_expect(!interrupt_sockets, 1))
        return;
    interrupt_prepare_socket();
    interrupt_self.frame = (uintptr_t)__builtin_frame_address(0);
}

// A signal with the stop signal's number: whether it is that timer's.
bool interrupt_is_timer(const siginfo_t *info);
void interrupt_thread_exit(void);

static inline void interrupt_forget(void) { interrupt_self.frame = 0; }

// What is left of the time announced.
struct timespec interrupt_time_left(void);

// A stop is over, or a signal came that the program does not see: called by its handler as the last thing.
void interrupt_resume(ucontext_t *uc);

// A handler of the program's, with or without SA_RESTART, runs at this context: a call that was to be made again, and
// that this handler would have interrupted, fails with EINTR.
void interrupt_end_call(ucontext_t *uc, bool restart);
// That handler is about to return to this context.
void interrupt_handled(const ucontext_t *uc);

// rt_sigaction's structure.
struct signal_action {
    void (*handler)(int, siginfo_t *, void *);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};
