#include "gc/pace.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/meta.h"
#include "gc/limiter.h"
#include "gc/mark.h"
#include "gc/workers.h"
#include "heap/extent.h"
#include "heap/heap.h"
#include "sys/cpu.h"
#include "sys/syscall.h"

// Go's bounds of the trigger, as shares of the way from what was live to the goal.
enum { TRIGGER_LOW = 45, TRIGGER_HIGH = 61, TRIGGER_PARTS = 64 };
#define MIN_HEAP (4 * MIB)
enum { SPARE_SHARE = 8, LEAST_ROOM_SHARE = 16, MEASURED_NS = 1000000 };
#define CREDIT_HALF_NS 5000000000u // half of what the heap once had is forgotten then
#define ASSIST_BYTES   (64 * KIB)  // scanned by one assist at most: a bounded critical section

// What the goal depends on; changed by any thread, `changes` after that.
static _Atomic int percent;
static _Atomic size_t limit = SIZE_MAX;
static _Atomic size_t last_roots; // bytes, of the last cycle
static _Atomic size_t live;
static _Atomic size_t full_live; // after the last full cycle: the goal follows from this
static _Atomic size_t credit;    // bytes that the heap had lately: the goal is not lower
static _Atomic size_t earned;    // the goal without that
static uint64_t credit_ns;       // when it was brought up to date
static _Atomic size_t
    enough; // that the program allocates, unhindered, in the time that the last full cycle took
static _Atomic size_t waste; // resident memory of the heap that is neither blocks nor vacant
static _Atomic uint32_t changes;

static _Atomic size_t unswept; // what the last final stop condemned; the sweep frees it
static uint64_t ended_ns,
    ended_allocated;             // when the last cycle had ended, and what had been allocated by then
static double allocation_per_ns; // between then and the beginning of the next
static _Atomic size_t goal = SIZE_MAX,
                      trigger =
                          SIZE_MAX; // until pace_boot: what libraries allocate before us asks for no cycle
static _Atomic size_t goal_without_limit = SIZE_MAX; // with GOGC off as if that were 100
static bool is_minor;                                // the cycle (gc/minor.h)
static size_t work_done[2]; // bytes that the last full and the last minor cycle scanned
static size_t scan_work;    // what this one is expected to
// Bytes that the program allocates while one is scanned, as far as it is let, smoothed. What it would allocate unhindered (meanwhile) makes cycles
// begin earlier by an eighth of the room at most: without that bound a third more memory (what dies while marking runs counts as alive).
static double cons_mark;
static uint64_t took_ns[2]; // the last full and the last minor cycle
static _Atomic size_t
    meanwhile; // that the program allocates, unhindered, in the time that the next cycle will take
static _Atomic size_t runway; // so many bytes before the goal marking has to begin
static uint64_t begin_allocated;
static size_t begin_live, begin_earned;

static void set_trigger(void)
{
    size_t base = atomic_load(&live), top = atomic_load(&goal), room = top > base ? top - base : 0;
    size_t ahead = max_size(runway, min_size(meanwhile, room / SPARE_SHARE));
    size_t early = room - min_size(ahead, room);
    size_t low = room / TRIGGER_PARTS * TRIGGER_LOW, high = room / TRIGGER_PARTS * TRIGGER_HIGH;
    atomic_store(&trigger, base + (early < low ? low : early > high ? high : early));
}

size_t pace_limit(void) { return atomic_load_explicit(&limit, memory_order_relaxed); }

int pace_percent(void) { return percent; }

size_t pace_heap_limit(void)
{
    size_t all = pace_limit(), ours = meta_mapped_bytes() + extent_metadata_bytes() + cage_table_bytes();
    return all == SIZE_MAX ? SIZE_MAX : all > ours ? all - ours : 0;
}

// What the limit leaves to blocks. Where that is too little there is half the room that the program would use without a limit: up to
// GOGC's goal, or to the end of a cycle that is always under way. A program that is held back by cycles all the time then goes at half its
// speed, and any other one faster.
static size_t limit_goal(size_t live_bytes, size_t without_limit)
{
    size_t most = pace_heap_limit(), left = most == SIZE_MAX ? most : most - min_size(waste, most);
    size_t full = min_size(enough, without_limit > live_bytes ? without_limit - live_bytes : 0);
    size_t room = max_size(full / 2, max_size(live_bytes / LEAST_ROOM_SHARE, MIB));
    return max_size(left, live_bytes + room);
}

static size_t grown_by(size_t live_bytes, int share)
{
    double growth = (double)(live_bytes + last_roots) * share / 100;
    return max_size(live_bytes + (size_t)growth, MIN_HEAP * (size_t)share / 100);
}

// After minor cycles the goal is still the full one's, as long as there is a little room left: the next one, a full one, is under way then.
static size_t own_goal(size_t living, int share)
{
    size_t before = full_live, grown = grown_by(before, share), room = grown - min_size(before, grown);
    return max_size(grown, living > before ? living + room / 8 : 0);
}

static void set_goal(void)
{
    int share = percent;
    size_t living = live;
    size_t own = own_goal(living, share < 0 ? 100 : share), grown = max_size(own, credit);
    size_t wanted = share < 0 ? SIZE_MAX : grown, reached = min_size(wanted, limit_goal(living, own));
    atomic_store(&earned, own);
    atomic_store(&goal_without_limit, max_size(grown, reached));
    atomic_store(&goal, reached);
    set_trigger();
}

// Of two who change something at once the one who comes last here has seen both changes.
static void changed(void)
{
    uint32_t seen;
    atomic_fetch_add(&changes, 1);
    do {
        seen = atomic_load(&changes);
        set_goal();
    } while (atomic_load(&changes) != seen);
}

void pace_boot(int gogc_percent, size_t limit_bytes)
{
    percent = gogc_percent;
    limit = limit_bytes;
    changed();
}

bool pace_only_limit_asks(void)
{
    return pace_limit() != SIZE_MAX && heap_live_bytes() < atomic_load(&goal_without_limit);
}

void pace_note_waste(size_t bytes)
{
    atomic_store(&waste, bytes);
    if (pace_limit() != SIZE_MAX)
        changed();
}

void pace_change(int gogc_percent)
{
    if (gogc_percent >= 0 && (percent < 0 || gogc_percent < percent))
        atomic_store(&credit, 0); // less memory is wanted, and now
    percent = gogc_percent;
    changed();
}

size_t pace_change_limit(size_t bytes)
{
    size_t old = atomic_exchange(&limit, bytes);
    changed();
    return old;
}

size_t pace_heap_bytes(void)
{
    size_t all = heap_live_bytes(), condemned = atomic_load_explicit(&unswept, memory_order_relaxed);
    if (likely(!condemned))
        return all;
    size_t left = condemned - min_size(heap_sweep_total().dead_bytes, condemned);
    return all - min_size(left, all);
}

bool pace_due(void) { return pace_heap_bytes() >= atomic_load_explicit(&trigger, memory_order_relaxed); }

bool pace_overdue(void)
{
    _Atomic size_t *end = limiter_is_on() ? &goal_without_limit : &goal;
    return pace_heap_bytes() > atomic_load_explicit(end, memory_order_relaxed);
}

struct pace_figures pace_figures(void)
{
    return (struct pace_figures){atomic_load(&goal), atomic_load(&trigger), atomic_load(&live)};
}

// --- a cycle ------------------------------------------------------------------------------------------------

static _Atomic uint64_t assist_ns, assist_scanned, assist_marked;
static _Atomic unsigned assists_running;

// While nothing hinders it.
static void measure_allocation(void)
{
    uint64_t elapsed = clock_ns() - ended_ns;
    if (ended_ns && elapsed > MEASURED_NS)
        allocation_per_ns = (double)(heap_allocated_total() - ended_allocated) / (double)elapsed;
}

void pace_cycle_begins(bool minor)
{
    is_minor = minor;
    scan_work = work_done[minor];
    measure_allocation();
    begin_live = heap_live_bytes();
    begin_earned = earned;
    begin_allocated = heap_allocated_total();
    atomic_store(&assist_ns, 0);
    atomic_store(&assist_scanned, 0);
    atomic_store(&assist_marked, 0);
}

void pace_mark_ended(uint64_t scanned_bytes)
{
    double scanned = (double)(scanned_bytes + atomic_load(&assist_scanned)) + 1;
    double ratio = (double)(heap_allocated_total() - begin_allocated) / scanned;
    cons_mark = cons_mark > 0 ? (cons_mark + ratio) / 2 : ratio;
    work_done[is_minor] = (size_t)scanned;
}

void pace_expect(bool minor)
{
    runway = (size_t)(cons_mark * (double)work_done[minor]);
    meanwhile = (size_t)(allocation_per_ns * (double)took_ns[minor]);
    changed();
}

static void set_live(size_t bytes)
{
    live = bytes;
    if (!is_minor)
        full_live = bytes;
}

void pace_sweep_begins(size_t live_bytes)
{
    size_t all = heap_live_bytes();
    set_live(live_bytes);
    unswept = all - min_size(live_bytes, all);
    changed();
}

size_t pace_credit(size_t before, uint64_t elapsed_ns, size_t used)
{
    double kept = (double)before * CREDIT_HALF_NS / ((double)CREDIT_HALF_NS + (double)elapsed_ns);
    return max_size((size_t)kept, used);
}

static void settle_credit(void)
{
    size_t used = min_size(begin_live, begin_earned);
    atomic_store(&credit, pace_credit(atomic_load(&credit), ended_ns - credit_ns, used));
    credit_ns = ended_ns;
}

void pace_cycle_ended(size_t live_bytes, size_t root_bytes, uint64_t cycle_ns)
{
    ended_ns = clock_ns();
    ended_allocated = heap_allocated_total();
    took_ns[is_minor] = cycle_ns;
    enough = (size_t)(allocation_per_ns * (double)took_ns[0]);
    settle_credit();
    set_live(live_bytes);
    unswept = 0;
    last_roots = root_bytes;
    changed();
}

bool pace_has_room(void)
{
    size_t end = goal, now = live, before = full_live;
    return end > now && (end - now) * 2 >= end - min_size(before, end);
}

// --- assist -------------------------------------------------------------------------------------------------

enum { ASSISTANTS = 16 };
static struct marker assistants[ASSISTANTS];
static _Atomic bool assistant_taken[ASSISTANTS];

static int take_assistant(void)
{
    for (int i = 0; i < ASSISTANTS; i++)
        if (!atomic_load_explicit(&assistant_taken[i], memory_order_relaxed) &&
            !atomic_exchange(&assistant_taken[i], true))
            return i;
    return -1;
}

// Marking is late when the heap has used more of its way to the goal than the markers of theirs.
static bool marking_is_late(void)
{
    size_t now = heap_live_bytes(), end = atomic_load(&goal);
    double way = end > begin_live ? (double)(end - begin_live) : 1;
    double used = now > begin_live ? (double)(now - begin_live) / way : 0;
    double scanned = (double)(workers_totals().scanned_bytes + atomic_load(&assist_scanned));
    return used > scanned / ((double)scan_work + 1);
}

enum { WANT_SPINS = 50, WANT_NS = 250000 };

// Nothing is in the pool: asks the workers to share. Waits a moment when this thread has nothing better to do.
static bool await_work(bool patient)
{
    const struct timespec moment = {.tv_nsec = WANT_NS};
    atomic_store(&grey_wanted, 1);
    for (int spins = 0; spins < WANT_SPINS && grey_is_empty(); spins++)
        cpu_relax();
    if (patient && grey_is_empty() && atomic_load(&heap_marking))
        sys_futex_wait(&grey_wanted, 1, &moment);
    return !grey_is_empty();
}

// One piece of marking, a critical section: the world cannot stop while a half-scanned block is in our hands.
static bool assist_once(uint64_t budget)
{
    crit_enter();
    atomic_fetch_add(&assists_running, 1);
    int i = atomic_load(&heap_marking) && !grey_is_empty() ? take_assistant() : -1;
    bool visits = i >= 0 && crew_visit();
    if (visits) {
        struct marker *m = &assistants[i];
        uint64_t scanned = m->scanned_bytes, marked = m->marked_bytes;
        mark_drain(m, budget);
        mark_settle(m);
        crew_leave();
        atomic_fetch_add(&assist_scanned, m->scanned_bytes - scanned);
        atomic_fetch_add(&assist_marked, m->marked_bytes - marked);
    }
    if (i >= 0)
        atomic_store(&assistant_taken[i], false);
    atomic_fetch_sub(&assists_running, 1);
    crit_leave();
    return visits;
}

bool pace_assist(size_t bytes, bool patient)
{
    if (!atomic_load_explicit(&heap_marking, memory_order_relaxed) || limiter_is_on() || !marking_is_late())
        return false;
    if (grey_is_empty() && !await_work(patient))
        return false;
    uint64_t begun = clock_thread_cpu_ns();
    size_t end = atomic_load(&goal), now = heap_live_bytes();
    double left = end > now ? (double)(end - now) : 1;
    double work = (double)bytes * ((double)scan_work + 1) / left;
    bool helped = assist_once(work > (double)ASSIST_BYTES ? ASSIST_BYTES : (uint64_t)work + 1024);
    atomic_fetch_add(&assist_ns, clock_thread_cpu_ns() - begun);
    return helped;
}

static _Atomic uint64_t held_ns;

void pace_note_held(uint64_t ns) { atomic_fetch_add_explicit(&held_ns, ns, memory_order_relaxed); }

uint64_t pace_take_held_ns(void) { return atomic_exchange(&held_ns, 0); }

uint64_t pace_assist_ns(void) { return atomic_load(&assist_ns); }

uint64_t pace_assist_marked_bytes(void) { return atomic_load(&assist_marked); }

void pace_assists_end(void)
{
    grey_no_longer_wanted();
    for (struct backoff backoff = {0}; atomic_load(&assists_running);)
        backoff_wait(&backoff);
}

void pace_fork_child(void)
{
    atomic_store(&assists_running, 0);
    for (int i = 0; i < ASSISTANTS; i++) {
        assistants[i] = (struct marker){0};
        atomic_store(&assistant_taken[i], false);
    }
}
