// The unwinder's system calls, made without the program noticing.
//
// libunwind asks whether an address can be read by writing a byte of it into a pipe that it keeps open. The program would meet the
// pipe's descriptors; who closes all of them and opens files would get the unwinder's bytes into these; and read(2) is a point where a
// thread is cancelled, in the middle of malloc. So its calls are bound anew, to functions for which none of that is true.
//
// B1. The unwinder never holds a descriptor, and what it opens for a moment is closed by exec.
// B2. None of its calls is a cancellation point, or comes to a function that the program interposes, or we do: a wrapper of ours that is
//     called for the first time asks the loader for the function behind it (preload/real.h), whose lock a dlopen may hold that allocates,
//     and waits for the unwinder's.
// B3. A copy of libunwind that the program uses too goes on working: what does not concern the pipe is done as asked.
#pragma once

#include <link.h>

// The loaded unwinder. Boot.
void rebind_unwinder(const struct link_map *library);

// For tests: whether a byte can be read, asked as the unwinder asks.
long rebind_write(long number, int fd, const void *address, size_t bytes);
