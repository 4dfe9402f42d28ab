// What signal.c (actions) and sigmask.c (masks) share: the hidden signals and their shadows. See the head of signal.c.
#pragma once

#include "signal.h"

#include "sys/syscall.h"
#include "world/stop.h"

#include <stdatomic.h>
#include <ucontext.h>

// Signals that no mask of the program's can block.
#define SIGMASK_UNBLOCKABLE                                                          \
    (1UL << (SIGKILL - 1) | 1UL << (SIGSTOP - 1) | 1UL << (STOP_CANCEL_SIGNAL - 1) | \
     1UL << (STOP_SETXID_SIGNAL - 1))

// A shadow's code that stands for SI_TKILL, which the kernel lets no thread send to another but by tgkill itself.
enum { SIGMASK_TKILL = -100 };

extern __thread volatile uint64_t sigmask_believed; // the mask the program asked for last
extern _Atomic uint64_t sigmask_sent_on;            // hidden signals that are pending as their shadows

static inline bool sigmask_is_hidden(int signal)
{
    return signal == stop_signal || (signal_hide_segv && signal == SIGSEGV);
}

static inline uint64_t sigmask_hidden_bits(void)
{
    return sys_sigbit(stop_signal) | (signal_hide_segv ? sys_sigbit(SIGSEGV) : 0);
}

// The signal that stands for a hidden one in the kernel's masks and queues.
int sigmask_shadow_of(int signal);
// The kernel's mask for the program's, and the program's view of a kernel mask; last is what it asked for last in that place.
uint64_t sigmask_to_kernel(uint64_t program);
uint64_t sigmask_to_program(uint64_t kernel, uint64_t last);
// The calling thread's.
void sigmask_set(uint64_t program);

// signal.c: whether this is a vfork child, which has our memory and its own dispositions.
bool signal_in_other_process(void);
// signal.c: sends a hidden signal as its shadow, to the process or, with SI_TKILL or
// SIGMASK_TKILL, to the thread; there it meets the program's action.
// 0 or a negative errno value.
long signal_send_shadow(int signal, siginfo_t *info, pid_t tid);
