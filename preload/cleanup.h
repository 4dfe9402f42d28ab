// The thread that calls the program's cleanups (gcpre_add_cleanup).
//
// It is a thread of the program's, as far as anybody can see: registered, stopped and scanned like the others, with their table of
// descriptors; it takes no signals. The first call of gcpre_add_cleanup makes it, so it never begins inside the C library or the loader; in
// a forked child, whoever starts the collector does.
#pragma once

#include <stdbool.h>

// Where a thread may be created (boot_may_start_thread): makes it if there are cleanups and it is not there.
void cleanup_start(void);
// Whether it is one of the threads in the registry.
bool cleanup_is_there(void);
// It ends when it has called what is due: nobody else is left.
void cleanup_leave(void);

void cleanup_fork_child(void);
