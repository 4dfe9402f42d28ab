#include "gc/minor.h"

#include "base/bits.h"
#include "base/options.h"
#include "gc/pace.h"
#include "gc/trace.h"
#include "heap/guards.h"
#include "heap/quarantine.h"
#include "world/barrier.h"

enum { FULL_EVERY = 64, REST_MOST = 64 };
#define FAULT_NS     1500u // of the program's time; with two processors 3 us, with one 1
#define SMALL_CHANGE MIB   // freed by either kind: nothing to compare

static double
    cost[2]; // nanoseconds for each byte that a cycle freed, of the last full and the last minor one
static unsigned in_row, rest,
    losses; // minor cycles since the last full one; full ones to come that keep nothing

void minor_reset(void)
{
    cost[0] = cost[1] = 0;
    in_row = rest = losses = 0;
}

bool minor_begins(bool kept, bool forced) { return kept && !forced && !guards_some && in_row < FULL_EVERY; }

// Under quarantine most of what is to go is old: it was freed, and a minor cycle looks at what is new.
bool minor_keeps(void)
{
    bool promising = options.minor == MINOR_ALWAYS || (!rest && !quarantine_holds && barrier_young_die());
    return options.minor && !guards_some && promising;
}

static double cost_of(const struct trace *t, size_t faults)
{
    return ((double)t->cpu_ns + (double)(faults * FAULT_NS)) / (double)(t->dead_bytes + SMALL_CHANGE);
}

// N2.
static void judge(bool minor)
{
    if (rest && !minor)
        rest--;
    if (!minor || cost[0] <= 0)
        return;
    if (cost[1] < cost[0]) {
        losses = 0;
    } else {
        rest = 1u << losses;
        losses += rest < REST_MOST;
    }
}

bool minor_ended(const struct trace *t, size_t faults)
{
    cost[t->minor] = cost_of(t, faults);
    in_row = t->minor ? in_row + 1 : 0;
    if (options.minor == MINOR_AUTO)
        judge(t->minor);
    return !rest && pace_has_room() && !quarantine_is_half_full();
}
