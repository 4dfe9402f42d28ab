// The functions we stand in front of, and how ours are exported.
//
//     EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout)
//     {
//         static void *_Atomic cache;
//         typeof(poll) *real = real_symbol(&cache, "poll");
//
// Looked up at the first call, so a wrapper works before our constructor. Never on the malloc path: dlsym may allocate.
#pragma once

#include "base/bits.h"

#include <stdatomic.h>

#define EXPORT __attribute__((visibility("default")))

// The next definition of name behind ours; ends the process if there is none.
void *real_find(void *_Atomic *cache, const char *name);

static inline void *real_symbol(void *_Atomic *cache, const char *name)
{
    void *known = atomic_load_explicit(cache, memory_order_relaxed);
    return likely(known != NULL) ? known : real_find(cache, name);
}
