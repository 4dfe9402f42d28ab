// The signals that are ours and that the program must not notice: see signal.c.
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

// The mprotect back-end may come to catch SIGSEGV in this process: then no mask blocks it. Set before signal_boot.
extern bool signal_hide_segv;

// The back-end is about to catch SIGSEGV. From here on install(mask, flags) is called whenever the program changes its
// action, and once now: to install the back-end's handler with these flags (SA_ONSTACK and SA_RESTART as the program
// wants them, SA_SIGINFO and SA_NODEFER always). The mask is the one that the program's handler runs with; a handler
// that blocks more does no harm, signal_forward_segv sets it. Called with all signals blocked; no locks, no libc.
void signal_segv_ready(void (*install)(uint64_t mask, int flags));

// From here on a fault of the program's is looked at, whether or not it ever sets an action and whichever back-end there is. Needs
// signal_hide_segv.
void signal_watch_segv(void);

// A SIGSEGV that was not the back-end's: tells of it if it is a use after free (heap/misuse.h), and does what the program asked for.
void signal_forward_segv(int signal, siginfo_t *info, void *context);

// Called before stop.c and the back-end install their handlers: notes what was inherited, sets stop_foreign_signal.
void signal_boot(void);
void signal_fork_child(void);

// The set the kernel gets in the place of one the program passed, stored in copy; NULL stays NULL.
const sigset_t *signal_kernel_set(const sigset_t *set, sigset_t *copy);

// The number of a signal that was waited for with such a set, as the program knows it; also set in *info.
int signal_received(siginfo_t *info);

// The same for what was read from a descriptor that signalfd returned: the caller of read shall pass what it got, if
// signal_descriptors says that there ever was one.
extern bool signal_descriptors;
void signal_received_by_fd(int fd, void *buffer, long bytes);
