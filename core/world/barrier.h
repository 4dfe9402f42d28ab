// The write barrier: which pages of the cage were written since they were armed.
//
// R1. A page that is armed and then written, by a store or by the kernel, is reported by a fetch; one that was never
//     armed (younger memory, refused by the kernel, deliberately left out) counts as written and is reported too, unless no block near it
//     is marked (world/young.h).
// R2. No system call of the program fails because a page is armed, no fault of ours is seen by the program.
// R3. Arming, fetching and disarming are done by the collector thread; writes happen at any time.
// R4. What a fetch with rearm reports is armed again before the report: a later write is reported by the next fetch.
#pragma once

#include "base/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct barrier {
    const char *name;
    bool concurrent; // false: cannot tell, so marking happens with the world stopped
    bool lasting;    // may stay armed between cycles (world/written.h), and be armed in parts (world/young.h)
    // Whether it works here, shown on a scratch page by a store and by a system call. Opens what it needs.
    bool (*probe)(void);
    // Arms [lo, hi), all committed cage memory; false: nothing is armed.
    bool (*arm)(uintptr_t lo, uintptr_t hi);
    // Calls dirty(lo, hi) for ranges of pages in [lo, hi) that were written. False: cannot tell any more, everything
    // counts as written.
    bool (*fetch)(uintptr_t lo, uintptr_t hi, bool rearm, void (*dirty)(uintptr_t lo, uintptr_t hi));
    void (*disarm)(uintptr_t lo, uintptr_t hi);
    // In a forked child, before anything else of ours runs: nothing is armed.
    void (*fork_child)(void);
};

extern const struct barrier barrier_uffd, barrier_mprotect, barrier_none;

// The back-end in use; barrier_none before barrier_boot. Chosen by the collector thread at its start.
extern const struct barrier *barrier;
void barrier_boot(enum barrier_choice choice);
// For the rest of the process: the program does what page protection cannot cope with (one line says so, if that is the back-end
// in use). Nothing is armed when it returns, and nothing will be. Any thread, outside critical sections or not.
void barrier_give_up_mprotect(const char *why);

// Whether a cycle may leave the barrier as it is for the next one: barrier_keep instead of barrier_disarm, and barrier_arm(true).
bool barrier_can_keep(void);
void barrier_keep(void);
// Whether most of what was new died in the last cycle.
bool barrier_young_die(void);
// Faults that armed pages have cost the program since the last call, about.
size_t barrier_faults(void);

// All of these note what they report (world/written.h). barrier_disarm leaves a window open while somebody wants to know, and barrier_arm
// then ends it.
// Arms everything committed; remembers how far. False: the cycle must mark with the world stopped.
// keep: after barrier_keep; what was written since then is for the first fetch.
bool barrier_arm(bool keep);
// Reports what was written, younger memory included.
void barrier_fetch(bool rearm, void (*dirty)(uintptr_t lo, uintptr_t hi));
void barrier_disarm(void);
void barrier_fork_child(void);
