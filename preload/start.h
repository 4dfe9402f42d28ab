// What a new thread is to do, from pthread_create to the thread's first instructions.
//
// A1. It lies in a mapping of its own that is no private memory: a root (SOUNDNESS S18). Until the thread has taken its argument, nothing
//     else may refer to that.
// A2. It is no block of the heap: the C library's descriptor of the thread keeps the address for ever, and would keep whatever block
//     came to lie there.
#pragma once

#include "leak/unjoined.h"

#include <stdbool.h>

struct start {
    void *(*function)(void *);
    int (*c11)(void *); // instead of function, of thrd_create
    void *arg;
    struct unjoined_ticket ticket;
    bool own_stack; // the C library's
};

// A place for it; NULL: no memory. Outside critical sections.
struct start *start_keep(struct start start);
// Takes it out; the place is another's.
struct start start_take(struct start *kept);

void start_fork_child(void);
