// Which blocks with finalizers the marker has still to look at in a cycle. After Go's markroot of specials (runtime/mgcmark.go).
//
// F1. What a block with a finalizer holds is scanned in every cycle, and the block itself not marked for it. So all that it leads to is there
//     when the finalizer gets it; of two blocks with finalizers of which one leads to the other only the first can be found unmarked, and
//     one that leads to itself never is.
// F2. A marked block is scanned as any, and the barrier sees what is written to it. So only the contents of unmarked ones are left: they
//     are scanned when all else is marked, once beside the program, and again, as they are then, at the stop. No barrier is asked about them:
//     it need not report pages without marked blocks (world/young.h).
// F3. Marks only grow while marking runs: what was marked when it was looked at beside the program needs no second look. So the stop looks
//     at the unmarked ones and the new alone, which are few: each of them is found dead once.
// F4. The lists are guarded by the lock of heap/special.h. Contents are scanned outside: a block that is freed just then is read as
//     any that a stale word leads to.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct special;

struct ring {
    struct ring *next, *before;
};

// The record of a finalizer was attached; is about to be detached.
void finalizer_add_locked(struct special *s);
void finalizer_remove_locked(struct special *s);

// Calls scan(base) for blocks whose contents are left (F2); whether there were any. Collector thread, when all else is marked: beside the
// program, and then in the stopped world, where `all` asks also about what was looked at beside it.
bool finalizers_visit_running(void (*scan)(uintptr_t base));
bool finalizers_visit_stopped(bool all, void (*scan)(uintptr_t base));
