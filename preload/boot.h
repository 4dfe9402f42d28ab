// What the interposers know about the process they are in; filled in by boot.c's constructor.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct code_range {
    uintptr_t lo, hi;
};

// The code of libc and of the dynamic loader: calls from there may come with their locks held.
extern struct code_range boot_libc, boot_loader;
extern bool boot_done;

static inline bool code_contains(const struct code_range *r, const void *address)
{
    return (uintptr_t)address - r->lo < r->hi - r->lo;
}

// Whether a thread may be created on behalf of a caller at this address.
static inline bool boot_may_start_thread(const void *caller)
{
    return boot_done && !code_contains(&boot_libc, caller) && !code_contains(&boot_loader, caller);
}

// thread.c
void thread_boot(void);          // main thread, from the constructor
void thread_comes_to_heap(void); // heap_upcalls.first_use
void fork_boot(void);            // fork.c
