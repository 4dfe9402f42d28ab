// What the private jemalloc asks of its host instead of libc (scripts/jemalloc-private renames the references).
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Wakes jemalloc by wake(), which returns 0 or an error. Its initialisation takes for granted that memory can be had: some is reserved
// beforehand, and given to it when the system has no more. False: there is none to reserve, or wake failed.
bool jehost_wake(int (*wake)(void));

// Bytes of private memory that jemalloc has mapped.
size_t jehost_mapped_bytes(void);

// The handlers jemalloc meant for pthread_atfork; we call them at the right moment ourselves.
void jehost_fork_prepare(void);
void jehost_fork_parent(void);
void jehost_fork_child(void);

// Runs the destructor jemalloc meant for pthread_key_create, if this thread used jemalloc.
void jehost_thread_exit(void);
