#include "world/barrier.h"

#include "base/bits.h"
#include "base/log.h"
#include "heap/cage.h"
#include "world/kwrite.h"
#include "world/written.h"
#include "world/young.h"

const struct barrier *barrier = &barrier_none;

static uintptr_t armed_top; // [cage.base, armed_top) is armed; equal to the base when nothing is

static bool sparing; // which units are armed is young.c's affair

static const struct barrier *const by_preference[] = {&barrier_uffd, &barrier_mprotect, &barrier_none};

// Once kernel writes are not looked at, mprotect is out: blocks that the C library had by then for its own system calls may be armed.
static bool works(const struct barrier *b) { return (b != &barrier_mprotect || kwrite_active) && b->probe(); }

void barrier_boot(enum barrier_choice choice)
{
    armed_top = cage.base;
    written_begin();
    size_t i = choice == BARRIER_AUTO ? 0 : (size_t)choice - BARRIER_UFFD;
    for (; i < sizeof by_preference / sizeof by_preference[0]; i++) {
        if (works(by_preference[i])) {
            barrier = by_preference[i];
            kwrite_active = barrier == &barrier_mprotect;
            sparing = barrier->lasting && !written_is_asked_for() && young_begin();
            return;
        }
        if (choice != BARRIER_AUTO)
            log_line("GCPRE_BARRIER=%s does not work on this system; trying the next one",
                     by_preference[i]->name);
    }
}

void barrier_give_up_mprotect(const char *why)
{
    static _Atomic bool said;
    if (barrier == &barrier_mprotect && !atomic_exchange(&said, true))
        log_line("write barrier mprotect given up (%s): marking stops the program from now on", why);
    mprotect_give_up();
}

static void (*told)(uintptr_t lo, uintptr_t hi);
static size_t found_bytes;

static void take(uintptr_t lo, uintptr_t hi)
{
    written_note(lo, hi);
    found_bytes += hi - lo;
    if (told)
        told(lo, hi);
}

static void fetch(bool rearm)
{
    found_bytes = 0;
    if (armed_top > cage.base && !barrier->fetch(cage.base, armed_top, rearm, take)) {
        take(cage.base, armed_top);
        armed_top = cage.base;
    }
    uintptr_t top = cage_top();
    if (armed_top < top && !rearm)
        take(armed_top, top);
    else if (armed_top < top && barrier->arm(armed_top, top)) {
        uintptr_t younger = armed_top;
        armed_top = top;
        take(younger, top);
    }
}

void barrier_fetch(bool rearm, void (*dirty)(uintptr_t lo, uintptr_t hi))
{
    if (sparing) {
        young_fetch(barrier, rearm, dirty);
        return;
    }
    told = dirty;
    if (rearm) // the world runs
        written_look(cage_top());
    fetch(rearm);
}

// What was written since the last look is noted, and armed again.
static bool look_again(void)
{
    told = NULL;
    written_look(cage_top());
    fetch(true);
    return armed_top > cage.base;
}

bool barrier_can_keep(void) { return sparing; }

void barrier_keep(void) { young_keep(barrier); }

bool barrier_young_die(void) { return young_die(); }

size_t barrier_faults(void) { return young_faults(); }

bool barrier_arm(bool keep)
{
    uintptr_t top = cage_top();
    if (sparing)
        return young_arm(barrier, keep);
    if (armed_top > cage.base) {
        if (look_again()) {
            written_window_ends(found_bytes);
            return true;
        }
        written_lose_track();
    }
    written_look(top);
    if (!barrier->concurrent || !barrier->arm(cage.base, top))
        return false;
    armed_top = top;
    return true;
}

void barrier_disarm(void)
{
    if (sparing) {
        young_disarm(barrier);
        return;
    }
    if (armed_top > cage.base && barrier->lasting && written_may_watch() && look_again()) {
        written_window_opens();
        return;
    }
    if (armed_top > cage.base)
        barrier->disarm(cage.base, armed_top);
    armed_top = cage.base;
}

void barrier_fork_child(void)
{
    barrier->fork_child();
    armed_top = cage.base;
    if (sparing)
        young_forget();
    sparing = false; // until the child has chosen
}
