// Allocation stacks, by libunwind's unw_backtrace with its cache of frames for each thread.
//
// The library is opened when it is needed and for us alone (RTLD_LOCAL): linked, it would put its _Unwind_ functions in front of
// those that throw C++ exceptions.
//
// T1. Never inside a critical section: the unwinder takes locks of its own and of the loader's, and a stop may have to pass whoever
//     waits for them.
// T2. A thread that is in the unwinder is not in it twice (a signal's handler may allocate): it gets the caller alone. Unless the handler
//     has jumped out of it: that is seen when the thread comes again from further up its stack.
// T3. A fork waits until no other thread is in it: the child could never take a lock that was held.
// T4. It is not called on a stack that is nearly full, or whose bounds are not known.
// T5. In the child of a process that had several threads it is not called any more: the loader's lock, which it takes for code that it
//     has not seen, may have been held by one of them (dlopen), and is for ever. The caller alone is known there, and stacks that are
//     recalled (leak/recall.h). POSIX gives such a child little to do but to call exec.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STACK_FRAMES_MAX = 255 };

// False: there is no libunwind; stacks are the caller's address alone.
bool stack_open(void);

// T4: whether the unwinder may be called here. What has its arrays on the stack asks first.
bool stack_has_room(void);

// Return addresses, innermost first, beginning with `caller`, which is the program's; at most `most`, at least one.
size_t stack_take(uintptr_t *frames, size_t most, const void *caller);

// The same from here, without our own frames; none when they cannot be told.
size_t stack_take_here(uintptr_t *frames, size_t most);

// Where the return addresses of a stack that was just taken by this thread are on it; places[0] is not set. False: not known.
bool stack_return_slots(const uintptr_t *frames, uintptr_t *places, size_t depth);

// The lowest stack pointer that a function whose frame is now on the stack has while it calls; 0 when it cannot be told.
uintptr_t stack_pointer_in(uintptr_t function);

// Outside critical sections.
void stack_fork_prepare(void);
void stack_fork_done(bool in_child);
