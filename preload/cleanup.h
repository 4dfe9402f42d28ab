// The thread that calls the program's cleanups and finalizers (gcpre_add_cleanup, gcpre_set_finalizer).
//
// It is a thread of the program's, as far as anybody can see: registered, stopped and scanned like the others, with their table of
// descriptors; it takes no signals. The first of them makes it, so it never begins inside the C library or the loader; in
// a forked child, whoever starts the collector does. It ends when it is the last of the registry, and is made anew by a thread that begins
// then: pthread_create had returned already.
#pragma once

#include <stdbool.h>

// Where a thread may be created (boot_may_start_thread): makes it if there are some and it is not there.
void cleanup_start(void);
// Whether it is one of the threads in the registry.
bool cleanup_is_there(void);
// It ends when it has called what is due: nobody else is in the registry.
void cleanup_leave(void);

void cleanup_fork_child(void);
