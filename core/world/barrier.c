#include "world/barrier.h"

#include "base/bits.h"
#include "base/log.h"
#include "heap/cage.h"
#include "world/kwrite.h"

const struct barrier *barrier = &barrier_none;

static uintptr_t armed_top; // [cage.base, armed_top) is armed; equal to the base when nothing is

static const struct barrier *const by_preference[] = {&barrier_uffd, &barrier_mprotect, &barrier_none};

// Once kernel writes are not looked at, mprotect is out: blocks that the C library had by then for its own system calls may be armed.
static bool works(const struct barrier *b) { return (b != &barrier_mprotect || kwrite_active) && b->probe(); }

void barrier_boot(enum barrier_choice choice)
{
    armed_top = cage.base;
    size_t i = choice == BARRIER_AUTO ? 0 : (size_t)choice - BARRIER_UFFD;
    for (; i < sizeof by_preference / sizeof by_preference[0]; i++) {
        if (works(by_preference[i])) {
            barrier = by_preference[i];
            kwrite_active = barrier == &barrier_mprotect;
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

bool barrier_arm(void)
{
    uintptr_t top = cage_top();
    if (!barrier->concurrent || !barrier->arm(cage.base, top))
        return false;
    armed_top = top;
    return true;
}

void barrier_fetch(bool rearm, void (*dirty)(uintptr_t lo, uintptr_t hi))
{
    if (armed_top > cage.base && !barrier->fetch(cage.base, armed_top, rearm, dirty)) {
        dirty(cage.base, armed_top);
        armed_top = cage.base;
    }
    uintptr_t top = cage_top();
    if (armed_top < top && !rearm)
        dirty(armed_top, top);
    else if (armed_top < top && barrier->arm(armed_top, top)) {
        uintptr_t younger = armed_top;
        armed_top = top;
        dirty(younger, top);
    }
}

void barrier_disarm(void)
{
    if (armed_top > cage.base)
        barrier->disarm(cage.base, armed_top);
    armed_top = cage.base;
}

void barrier_fork_child(void)
{
    barrier->fork_child();
    armed_top = cage.base;
}
