// The kernel's list of this process's threads. Our own threads only (files are opened in their private table).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// Calls visit(tid, arg) for every thread in /proc/self/task; false if the list could not be read.
bool tasks_each(void (*visit)(pid_t tid, void *arg), void *arg);
// The text of one of a task's files, cut to fit: its length, or the negative errno value.
long tasks_read(pid_t tid, const char *name, char *text, size_t capacity);
// A thread that has ended but is still listed: the main thread after pthread_exit.
bool tasks_is_zombie(pid_t tid);
// Whether a task has the signal blocked at the moment (proc(5), SigBlk).
bool tasks_blocks(pid_t tid, int signal);
