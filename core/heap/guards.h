// Pages of blocks that the program has protected with mprotect(2): guard pages of stacks it allocated, read-only data.
//
// U1. A page without PROT_READ is in the table from before the call that takes its access away until after the one that gives
//     it back, and no marker reads it: one that was about to has ended its cycle before that call is made
//     (collector_let_pass).
// U2. What is in the table is a root: blocks with a page there are not reclaimed (the next owner would meet the protection),
//     and what an unreadable page holds is read by the collector through /proc/self/mem, like other such memory (SOUNDNESS S19).
// U3. A large block that the program frees gets its pages' access back, as glibc's would with its mapping. A small one does not: the page may
//     be its neighbours', too.
//
// Changed inside critical sections; read by any marker.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Whether the table has ever held anything: nearly always false.
extern _Atomic bool guards_some;

// These pages have this access now (PROT_*). False: no memory; nothing may be reclaimed or read in them any more.
bool guards_note(uintptr_t lo, uintptr_t hi, int prot);

// The next part of [*at, end) that may be read: true, its start in *at and its end in *part_end; false: there is none.
bool guards_next_readable(uintptr_t *at, uintptr_t end, uintptr_t *part_end);

// Whether a page that [lo, hi) reaches into is protected.
bool guards_touch(uintptr_t lo, uintptr_t hi);

void guards_each(void (*visit)(uintptr_t lo, uintptr_t hi, bool readable));

// Gives what is protected of these whole pages its access back, and forgets it.
void guards_lift(uintptr_t lo, uintptr_t hi);

void guards_fork_prepare(void);
void guards_fork_done(void);
