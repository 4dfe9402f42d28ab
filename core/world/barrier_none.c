// No barrier: for kernels and sandboxes that allow none. Marking happens with the world stopped.
#include "world/barrier.h"

static bool yes(void) { return true; }

static bool arm(uintptr_t lo, uintptr_t hi)
{
    (void)lo, (void)hi;
    return false;
}

static bool fetch(uintptr_t lo, uintptr_t hi, bool rearm, void (*dirty)(uintptr_t lo, uintptr_t hi))
{
    (void)lo, (void)hi, (void)rearm, (void)dirty;
    return false;
}

static void disarm(uintptr_t lo, uintptr_t hi) { (void)lo, (void)hi; }

static void fork_child(void) {}

const struct barrier barrier_none = {.name = "none",
                                     .concurrent = false,
                                     .probe = yes,
                                     .arm = arm,
                                     .fetch = fetch,
                                     .disarm = disarm,
                                     .fork_child = fork_child};
