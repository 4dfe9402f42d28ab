#include "gc/scavenge.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/meta.h"
#include "base/options.h"
#include "gc/demand.h"
#include "gc/pace.h"
#include "gc/trace.h"
#include "heap/extent.h"
#include "heap/heap.h"
#include "heap/vacant.h"
#include "world/pages.h"

enum { STRETCH_UNITS = 64, LEVELS = 4 };
enum { RESTS = 99, RESTS_OVER_LIMIT = 9, FAR_S = 120, LULL_SHARE = 50, TENTH = 10, NOTICED_SHARE = 32 };
#define SLICE_NS      1000000u
#define TURN_NS       1000000000u  // while something happens
#define QUIET_NS      10000000000u // nothing has for DEMAND_SECONDS
#define STRETCH_BYTES (STRETCH_UNITS * UNIT_BYTES)
#define COMMIT_ROWS   ((size_t)1 << 14) // 64 GiB of the cage
#define SLACK_BYTES   (2 * MIB)         // not worth a pass
#define NOTICED_BYTES MIB
#define LEAST_BUSY    (4 * MIB)

// Pages of a stretch, as the pass met them.
struct stretch {
    uint16_t resident, vacant;
};

static struct stretch *stretches; // constant once there
static size_t known;              // rows that have memory

// The share of a stretch's resident pages, in eighths, that must be vacant to be dropped now.
static const unsigned least_vacant[LEVELS] = {7, 4, 2, 0};

enum stage { RESTING, LOOKING, DROPPING = LOOKING + 1, DONE = DROPPING + LEVELS };

static struct {
    unsigned stage; // enum stage; DROPPING + level
    size_t at;      // the next stretch
    size_t resident_bytes, waste_bytes, before_bytes, target_bytes;
    uint64_t cpu_ns, returned_bytes;
} pass;

static struct {
    size_t live, keep;
} settled; // what was when the last pass ended (Z3)

static struct demand demand;
static uint64_t next_ns, noticed_ns; // when the next turn is; when something happened last
static size_t noticed_live;
static uint64_t lull_allocated, cycle_ended_ns, cycle_cpu_ns;
static bool refused; // the kernel keeps our pages: the program locks its memory
static struct scavenge_figures figures;

size_t scavenge_keep(size_t live_bytes, size_t goal_bytes, size_t lately_bytes, size_t peak_bytes)
{
    size_t room = goal_bytes > live_bytes ? goal_bytes - live_bytes : 0;
    return max_size(live_bytes + min_size(room, lately_bytes), peak_bytes);
}

static size_t keep_now(void)
{
    return scavenge_keep(heap_live_bytes(), pace_figures().goal_bytes, demand_lately(&demand),
                         demand_peak(&demand));
}

static size_t target(void)
{
    size_t keep = keep_now(), most = options.stress ? 0 : keep + keep / TENTH + SLACK_BYTES; // Z6
    return min_size(most, pace_heap_limit());
}

// --- what is there ----------------------------------------------------------------------------------------------

static uint32_t resident[STRETCH_UNITS]; // pages of the stretch that is looked at, a bit a page
static uintptr_t stretch_lo;

static void note_resident(uintptr_t lo, uintptr_t hi)
{
    for (; lo < hi; lo += PAGE_BYTES)
        resident[(lo - stretch_lo) / UNIT_BYTES] |= 1u << (lo % UNIT_BYTES >> PAGE_SHIFT);
}

static bool look_at(size_t at)
{
    stretch_lo = cage.base + at * STRETCH_BYTES;
    for (unsigned i = 0; i < STRETCH_UNITS; i++)
        resident[i] = 0;
    return pages_each(stretch_lo, min_size(stretch_lo + STRETCH_BYTES, cage_top()), PAGES_RESIDENT,
                      note_resident);
}

static size_t unit_of(size_t at, unsigned i) { return at * STRETCH_UNITS + i; }

static void look(size_t at)
{
    unsigned there = 0, vacant = 0;
    if (!look_at(at))
        refused = true;
    for (unsigned i = 0; i < STRETCH_UNITS; i++)
        if (resident[i]) {
            there += (unsigned)__builtin_popcount(resident[i]);
            vacant += (unsigned)__builtin_popcount(resident[i] & vacant_pages(unit_of(at, i)));
            pass.waste_bytes += vacant_waste(unit_of(at, i), resident[i]);
        }
    stretches[at] = (struct stretch){(uint16_t)there, (uint16_t)vacant};
    pass.resident_bytes += (size_t)there << PAGE_SHIFT;
}

static uintptr_t table_lo;
static uint32_t table_resident; // pages of cage.words for a stretch, a bit a page

static void note_table(uintptr_t lo, uintptr_t hi)
{
    for (; lo < hi; lo += PAGE_BYTES)
        table_resident |= 1u << ((lo - table_lo) >> PAGE_SHIFT);
}

// What describes the slots of spans that are all empty now.
static size_t drop_tables(size_t at)
{
    size_t bytes = 0;
    table_lo = (uintptr_t)&cage.words[unit_of(at, 0) * WORDS_PER_SPAN];
    table_resident = 0;
    pages_each(table_lo, table_lo + STRETCH_UNITS / VACANT_GROUP * PAGE_BYTES, PAGES_RESIDENT, note_table);
    for (unsigned i = 0; i < STRETCH_UNITS / VACANT_GROUP; i++)
        if (table_resident >> i & 1 && vacant_drop_table(unit_of(at, i * VACANT_GROUP)))
            bytes += PAGE_BYTES;
    return bytes;
}

static void drop(size_t at)
{
    unsigned level = pass.stage - DROPPING, dropped = 0;
    if (!stretches[at].vacant || stretches[at].vacant * 8u < stretches[at].resident * least_vacant[level] ||
        !look_at(at))
        return;
    for (unsigned i = 0; i < STRETCH_UNITS && !refused; i++)
        if (resident[i])
            dropped += (unsigned)__builtin_popcount(vacant_drop(unit_of(at, i), resident[i], &refused));
    stretches[at].vacant = 0;
    size_t bytes = (size_t)dropped << PAGE_SHIFT;
    pass.returned_bytes += bytes + drop_tables(at);
    pass.resident_bytes -= min_size(bytes, pass.resident_bytes);
}

// --- a pass -----------------------------------------------------------------------------------------------------

static size_t rows(void)
{
    size_t all = (cage_top() - cage.base + STRETCH_BYTES - 1) / STRETCH_BYTES;
    return min_size(all, known);
}

static bool make_rows(void)
{
    size_t all = cage.bytes / STRETCH_BYTES + 1,
           wanted = min_size(align_up((cage_top() - cage.base) / STRETCH_BYTES + 1, COMMIT_ROWS), all);
    if (!stretches)
        stretches = meta_reserve(all * sizeof stretches[0]);
    if (stretches && wanted > known && meta_commit(&stretches[known], (wanted - known) * sizeof stretches[0]))
        known = wanted;
    return stretches && known;
}

static bool differs(size_t a, size_t b)
{
    size_t by = a > b ? a - b : b - a;
    return by > NOTICED_BYTES && by > max_size(a, b) / NOTICED_SHARE;
}

static bool over_limit(void) { return pass.resident_bytes > pace_heap_limit(); }

// There cannot be more resident than was ever carved.
static bool is_due(void)
{
    if (atomic_load_explicit(&cage.limit, memory_order_relaxed) - cage.base <= target())
        return false;
    return options.stress || over_limit() || differs(heap_live_bytes(), settled.live) ||
           differs(keep_now(), settled.keep);
}

static void begin_pass(void)
{
    pass.stage = LOOKING;
    pass.at = pass.resident_bytes = pass.waste_bytes = 0;
    pass.cpu_ns = pass.returned_bytes = 0;
    settled.live = heap_live_bytes();
    settled.keep = keep_now();
}

static void end_pass(void)
{
    pass.stage = RESTING;
    figures.passes++;
    if (options.trace && pass.returned_bytes >= MIB)
        log_raw("scvg @%.3fs: %lu->%lu MB resident, %lu MB returned, %lu MB worth keeping, %.3f ms cpu",
                (double)trace_elapsed_ns() / 1e9, pass.before_bytes / MIB, pass.resident_bytes / MIB,
                pass.returned_bytes / MIB, settled.keep / MIB, (double)pass.cpu_ns / 1e6);
}

static void next_stage(void)
{
    if (pass.stage == LOOKING) {
        pass.before_bytes = pass.resident_bytes;
        pace_note_waste(pass.waste_bytes);
    }
    pass.at = 0;
    pass.stage++;
    pass.target_bytes = target();
}

static void step(void)
{
    if (pass.at >= rows())
        next_stage();
    else if (pass.stage == LOOKING)
        look(pass.at++);
    else
        drop(pass.at++);
}

static bool is_done(void)
{
    return refused || pass.stage >= DONE ||
           (pass.stage >= DROPPING && pass.resident_bytes <= pass.target_bytes);
}

// Some of a pass; returns how long to rest (Z1).
static uint64_t work(void)
{
    uint64_t begun = clock_thread_cpu_ns(), worked = 0, returned = pass.returned_bytes;
    while (!is_done() && worked < SLICE_NS) {
        step();
        worked = clock_thread_cpu_ns() - begun;
    }
    pass.cpu_ns += worked;
    figures.cpu_ns += worked;
    figures.returned_bytes += pass.returned_bytes - returned;
    if (!is_done())
        return worked * (over_limit() ? RESTS_OVER_LIMIT : RESTS);
    end_pass();
    return TURN_NS;
}

// --- turns ------------------------------------------------------------------------------------------------------

// Quiet: neither allocates the program, nor does it free.
static bool is_quiet(uint64_t now)
{
    size_t live = heap_live_bytes(), lately = demand_lately(&demand);
    if (differs(live, noticed_live) || lately > NOTICED_BYTES) {
        noticed_live = live;
        noticed_ns = now;
    }
    return now - noticed_ns > (DEMAND_SECONDS + 1) * (uint64_t)TURN_NS;
}

static uint64_t turn(uint64_t now)
{
    demand_look(&demand, now, heap_allocated_total(), heap_live_bytes());
    bool quiet = is_quiet(now);
    extent_decay(over_limit());
    if (pass.stage == RESTING && is_due() && make_rows())
        begin_pass();
    if (pass.stage != RESTING)
        return work();
    return quiet ? QUIET_NS : TURN_NS;
}

uint64_t scavenge_turn(void)
{
    uint64_t now = clock_ns();
    if (refused)
        return UINT64_MAX;
    if (now >= next_ns)
        next_ns = now + turn(now);
    return next_ns - now;
}

bool scavenge_wants_cycle(void)
{
    struct pace_figures pace = pace_figures();
    size_t live = heap_live_bytes();
    uint64_t busy = heap_allocated_total() - lull_allocated;
    if (pace.trigger_bytes == SIZE_MAX || live >= pace.trigger_bytes ||
        demand_reaches(&demand, pace.trigger_bytes - live, FAR_S))
        return false;
    return busy > max_size(live / 8, LEAST_BUSY) && clock_ns() - cycle_ended_ns > LULL_SHARE * cycle_cpu_ns;
}

void scavenge_cycle_ended(uint64_t cpu_ns, size_t heap_bytes, bool lull)
{
    demand_used(&demand, heap_bytes);
    cycle_cpu_ns = cpu_ns;
    cycle_ended_ns = clock_ns();
    if (lull) {
        lull_allocated = heap_allocated_total();
        demand_forget_peak(&demand);
    }
    next_ns = 0;
}

struct scavenge_figures scavenge_figures(void) { return figures; }

void scavenge_begin(void)
{
    pass.stage = RESTING;
    pass.resident_bytes = 0;
    settled.live = settled.keep = 0;
    demand = (struct demand){0};
    next_ns = 0;
    noticed_ns = cycle_ended_ns = clock_ns();
    cycle_cpu_ns = 0;
    lull_allocated = 0;
    refused = false;
    figures = (struct scavenge_figures){0};
}
