#include "world/young.h"

#include "base/bits.h"
#include "base/meta.h"
#include "heap/cage.h"
#include "heap/unit.h"
#include "world/barrier.h"

#include <string.h>

enum {
    ARMED = 1,
    OLD = 2,
    BORN = 4
};                      // BORN: it held a block when the cycle began, and none when the last had ended
enum { GAP_UNITS = 4 }; // runs that are closer than that are one
#define COMMIT_UNITS ((size_t)1 << 16) // 4 GiB of the cage

static uint8_t *units; // states, per unit of the cage
static size_t known;   // units that the table has room for
static bool spare;     // whether most of what was new when the last cycle began died in it

static void (*told)(uintptr_t lo, uintptr_t hi);

bool young_begin(void)
{
    if (!units)
        units = meta_reserve(cage.bytes >> UNIT_SHIFT);
    young_forget();
    return units;
}

void young_forget(void)
{
    if (known)
        memset(units, 0, known);
    spare = false;
}

// Units below the top that the table has room for; the collector's, while the world runs.
static size_t look(void)
{
    size_t all = cage_unit(cage_top()),
           room = min_size(align_up(all, COMMIT_UNITS), cage.bytes >> UNIT_SHIFT);
    if (all > known && meta_commit(&units[known], room - known))
        known = room;
    return min_size(all, known);
}

static uintptr_t address_of(size_t unit) { return cage.base + (unit << UNIT_SHIFT); }

// Calls act for runs of units that are wanted, with gaps of so many others between them included. Stops when it says false.
static bool each_run_with_gaps(size_t gap, size_t end, bool (*wanted)(size_t unit),
                               bool (*act)(size_t from, size_t to))
{
    size_t from = 0, to = 0; // nothing yet
    for (size_t unit = 0; unit < end; unit++) {
        if (!wanted(unit))
            continue;
        if (to && unit - to > gap) {
            if (!act(from, to))
                return false;
            to = 0;
        }
        from = to ? from : unit;
        to = unit + 1;
    }
    return !to || act(from, to);
}

static bool each_run(size_t end, bool (*wanted)(size_t unit), bool (*act)(size_t from, size_t to))
{
    return each_run_with_gaps(GAP_UNITS, end, wanted, act);
}

static const struct barrier *using;
static size_t faults; // pages

static bool arm_run(size_t from, size_t to)
{
    if (!using->arm(address_of(from), address_of(to)))
        return false;
    for (size_t unit = from; unit < to; unit++)
        units[unit] |= ARMED;
    return true;
}

// --- arming -----------------------------------------------------------------------------------------------------

static bool is_to_be_armed(size_t unit) { return !spare || units[unit] & OLD; }

bool young_arm(const struct barrier *b, bool keep)
{
    size_t end = look();
    using = b;
    for (size_t unit = 0; unit < end; unit++)
        if (!(units[unit] & OLD) && unit_has_blocks(unit))
            units[unit] |= BORN;
    return keep || each_run(end, is_to_be_armed, arm_run);
}

// --- fetching ---------------------------------------------------------------------------------------------------

static bool is_armed(size_t unit) { return units[unit] & ARMED; }

static bool is_open_and_marked(size_t unit) { return !is_armed(unit) && unit_has_marks(unit); }

// Units in a gap between two runs are open, and reported where that matters.
static void tell_part(uintptr_t lo, uintptr_t hi)
{
    while (lo < hi) {
        size_t unit = cage_unit(lo);
        uintptr_t end = min_size(address_of(unit + 1), hi);
        bool armed = unit < known && is_armed(unit);
        if (armed)
            faults += (end - lo) >> PAGE_SHIFT;
        if (armed || unit >= known || unit_has_marks(unit))
            told(lo, end);
        lo = end;
    }
}

static void open_run(size_t from, size_t to)
{
    for (size_t unit = from; unit < to; unit++)
        units[unit] &= (uint8_t)~ARMED;
}

// Who cannot be asked any more counts as open. A gap is armed by this too.
static bool fetch_run(size_t from, size_t to)
{
    bool knows = using->fetch(address_of(from), address_of(to), true, tell_part);
    for (size_t unit = from; knows && unit < to; unit++)
        units[unit] |= ARMED;
    if (!knows)
        open_run(from, to);
    return true;
}

static bool arm_and_tell(size_t from, size_t to)
{
    arm_run(from, to);
    told(address_of(from), address_of(to)); // open or not
    return true;
}

// Behind the last armed unit: what lies above need not be known to the barrier yet.
static uintptr_t armed_end(void)
{
    size_t unit = min_size(cage_unit(cage_top()), known);
    while (unit && !is_armed(unit - 1))
        unit--;
    return address_of(unit);
}

void young_fetch(const struct barrier *b, bool rearm, void (*dirty)(uintptr_t lo, uintptr_t hi))
{
    using = b;
    told = dirty;
    if (rearm) {
        size_t end = look();
        each_run(end, is_armed, fetch_run);
        each_run(end, is_open_and_marked, arm_and_tell);
    } else {
        uintptr_t end = armed_end();
        if (!b->fetch(cage.base, end, false, tell_part))
            told(cage.base, end);
        tell_part(end, cage_top());
    }
}

// --- opening ----------------------------------------------------------------------------------------------------

static bool disarm_run(size_t from, size_t to)
{
    using->disarm(address_of(from), address_of(to));
    open_run(from, to);
    return true;
}

// What becomes of units is known when the sweep is over.
static void learn(size_t end)
{
    size_t born = 0, alive = 0;
    for (size_t unit = 0; unit < end; unit++) {
        bool holds = unit_has_blocks(unit), is_new = units[unit] & BORN;
        born += is_new;
        alive += is_new && holds;
        units[unit] = (uint8_t)((units[unit] & ARMED) | (holds ? OLD : 0));
    }
    spare = alive * 2 < born;
}

static bool is_not_worth_it(size_t unit) { return is_armed(unit) && !unit_is_mostly_marked(unit); }

void young_keep(const struct barrier *b)
{
    size_t end = look();
    using = b;
    each_run_with_gaps(0, end, is_not_worth_it, disarm_run);
    learn(end);
}

bool young_die(void) { return spare; }

size_t young_faults(void)
{
    size_t since = faults;
    faults = 0;
    return since;
}

void young_disarm(const struct barrier *b)
{
    size_t end = look();
    using = b;
    each_run(end, is_armed, disarm_run);
    learn(end);
}
