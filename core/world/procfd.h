// The collector thread's own descriptors. It leaves the process's table at its start (close_range with
// CLOSE_RANGE_UNSHARE, Linux 5.9), so that nothing it opens is visible to the program, can be closed by it, takes the
// lowest free number from under it, or is inherited by its children (SOUNDNESS S45).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// In the collector thread, once: false when the table cannot be left or /proc is not there. keep_stderr: descriptor 2 comes along.
bool procfd_open(bool keep_stderr);

int procfd_pagemap(void);
int procfd_maps(void);

// Copies memory of this process that may vanish meanwhile; returns the bytes that could be read, from the start on.
size_t procfd_read_memory(uintptr_t from, void *to, size_t bytes);
