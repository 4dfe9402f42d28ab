// A collection cycle.
//
//   program     ══════╤══╤══╤════════════════════════════════════════╤═════╤══════════════════
//                     stack by stack                                  stop
//   collector     arm │  │  │ roots, mark ........ pre-clean rounds   │     │ sweep ..........
//
// Non-moving, tri-colour, concurrent: white = mark bit clear, grey = marked and in the grey pool, black = marked and scanned.
// New blocks are white; nothing that the program does marks anything. What makes that right:
//
// C1. Before a full cycle marks the first block all marks are clear (the last sweep left them so), the barrier is armed, and every
//     registered thread has been outside its critical section since heap_marking was set (the handshake).
// C2. A block scanned at time t was scanned as it was at t; who comes to live behind a word that led nowhere then has a mark from birth
//     (heap/taint.h). If it was written after the barrier was armed, its page is
//     reported by a fetch; the fetch in the final stop comes after the last write. So at the end each black block's
//     words have been seen as they are at the stop.
// C3. At the stop every root is scanned as it is at the stop: all stacks and registers, all private and writable pages.
// C4. Hence after the final drain every block reachable through words that the scan can see is black, and a white one
//     is unreachable: nobody can ever hand it to free, store it or read it again. (Black is also what only unreachable blocks with
//     finalizers lead to: heap/finalizer.h.)
// C5. Slots in magazines are marked at the stop, so that the sweep leaves them alone; they are no blocks. While leaks are hunted they
//     are marked in the handshake too, unscanned, so that what lies in a freed block keeps nothing alive; what is stored into one that
//     is allocated afterwards dirties its page (C2). Verification would take what lies in it before that for pointers: it does without.
// C6. Whatever went wrong on the way (a thread that did not stop, a root that could not be read, memory for the grey pool)
//     cancels the reclaiming, never the soundness: a reason to doubt (gc/doubt.h).
// C7. A minor cycle (gc/minor.h) keeps the marks of the last one. Then each word of a black block led, as it was at that one's final stop, to a
//     black slot, into a tainted unit (heap/taint.h) or nowhere, or its page is told by the next fetch: armed pages that were written by the
//     stop or since, and all of open units with marks (world/young.h, V6; nothing is disarmed silently). So black blocks need only be read where
//     a fetch says so; new blocks are white, roots and stacks are read whole; the rest of the argument is as it was (C2-C4, where "scanned"
//     may have been in an earlier cycle). What the program lost since it was marked stays until a full cycle. Marks that slots in
//     magazines got at the stop alone (C5) are taken back after the sweep: nobody scanned what lies in them. They get them when all else is marked:
//     no word that was read leads to one of them. Their spans are not retired before that.
//     A full cycle that finds marks clears them before anything is armed or marked (T4).
//
// While the world is stopped: raw system calls and memory prepared before; no libc, no lock that a mutator may hold outside
// a critical section (there is none), no log line.
#include "gc/cycle.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/meta.h"
#include "base/options.h"
#include "gc/doubt.h"
#include "gc/limiter.h"
#include "gc/mark.h"
#include "gc/minor.h"
#include "gc/origin.h"
#include "gc/pace.h"
#include "gc/pool.h"
#include "gc/scan.h"
#include "gc/stuck.h"
#include "gc/totals.h"
#include "gc/trace.h"
#include "gc/verify.h"
#include "gc/workers.h"
#include "heap/finalizer.h"
#include "heap/guards.h"
#include "heap/heap.h"
#include "heap/probation.h"
#include "heap/quarantine.h"
#include "heap/taint.h"
#include "sys/context.h"
#include "world/barrier.h"
#include "world/dead.h"
#include "world/pins.h"
#include "world/roots.h"
#include "world/stop.h"

enum { PRECLEAN_ROUNDS = 4, LET_GO_ROUNDS = 8, MAX_STACKS = 8192, MAX_KEPT = 1 << 18 };
enum {
    BESIDE = 3
}; // times as long as with the program stopped a mark takes beside it, at least: one worker less, and faults
#define PRECLEAN_ENOUGH  (256 * KIB) // dirty bytes that the final stop may well take
#define STOPPED_NS       1000000UL   // a mark that takes no longer may be made with the program stopped
#define PROBATION_LITTLE MIB         // condemned bytes that are not worth a thought

static struct trace trace; // the figures of the current cycle
static struct roots_hole
    *stacks; // not to be scanned as roots: living stacks, which are scanned as such, and dead ones
static size_t stack_count;
static uint64_t cycles, dirty_bytes, allocated_before; // the stacks were scanned
static size_t faults;              // that armed pages have cost the program since the last cycle
static uintptr_t also_lo, also_hi; // cycle_also_scan's
static bool hunting;               // leaks (cycle_hunt)
static uint64_t
    mark_ns; // what a mark would have taken with the program stopped in the last full cycle, about; 0: not known
static size_t mark_bytes; // of the heap then

// Marks that outlive a cycle (C7).
static struct {
    bool possible; // some cycle may
    bool there;    // the last cycle kept its marks
    bool followed; // and what was written since will be told
    bool prepared; // this one may keep them: writes are followed, and magazines' slots are noted
    void **slots;  // in magazines, marked at the stop
    size_t count;  // MAX_KEPT: too many
} kept;

// --- what is scanned ----------------------------------------------------------------------------------------

static void scan_words(const void *words, size_t bytes, enum holder_kind kind)
{
    mark_origin(workers_own(), kind, 0);
    mark_words(workers_own(), words, bytes);
}

static void take_value(uintptr_t value)
{
    mark_origin(workers_own(), HOLDER_OTHER, 0);
    mark_candidate(workers_own(), value & SCAN_UNTAGGED);
}

static void scan_root(const void *words, size_t bytes, uintptr_t address, bool code)
{
    mark_origin(workers_own(), HOLDER_ROOT, address - (uintptr_t)words);
    (code ? mark_code : mark_words)(workers_own(), words, bytes);
}

static void scan_dirty(uintptr_t lo, uintptr_t hi)
{
    uint64_t before = workers_own()->scanned_bytes;
    mark_rescan(workers_own(), lo, hi);
    dirty_bytes += workers_own()->scanned_bytes - before;
}

static void note_stack(const struct thread *t)
{
    struct roots_hole hole;
    if (origins_hole(t, &hole) && stack_count < MAX_STACKS)
        stacks[stack_count++] = hole;
}

// After the living ones.
static void note_dead_stacks(void)
{
    if (hunting)
        stack_count += dead_stacks(stacks + stack_count, MAX_STACKS - stack_count);
}

// Every block on these pages (U2).
static void take_pages(uintptr_t lo, uintptr_t hi, bool readable)
{
    (void)readable;
    for (; lo < hi; lo += SLOT_GRAIN)
        mark_candidate(workers_own(), lo);
}

static void take_registered(void)
{
    if (also_lo < also_hi)
        scan_words((const void *)also_lo, also_hi - also_lo, HOLDER_STACK);
    pins_each(take_value);
    guards_each(take_pages);
}

static void scan_contents(uintptr_t block) { mark_contents(workers_own(), block); }

static void scan_thread(const struct thread *t)
{
    origins_of_thread(t, scan_words, take_value);
    trace.stack_bytes += t->stack_hi > t->sp ? t->stack_hi - t->sp : 0;
}

static void blacken(void *const *slots, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mark_slot_black(slots[i]);
}

static struct span *span_of(void *slot) { return &cage.spans[cage_unit((uintptr_t)slot)]; }

static void blacken_for_now(void *const *slots, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (mark_slot_black(slots[i]) && kept.count < MAX_KEPT) {
            span_of(slots[i])->pinned = true;
            kept.slots[kept.count++] = slots[i];
        }
}

static void scan_thread_running_world(struct thread *t)
{
    uint64_t begun = clock_ns();
    if (hunting && !options.verify && t->cache)
        cache_visit(t->cache, blacken);
    note_stack(t);
    if (!stuck_holds_back(t))
        scan_thread(t);
    mark_settle(workers_own());
    trace_pause(&trace.begin, clock_ns() - begun);
}

static void scan_thread_again(struct thread *t)
{
    uint64_t begun = clock_ns();
    scan_thread(t);
    mark_settle(workers_own());
    trace_pause(&trace.begin, clock_ns() - begun);
}

static void scan_who_is_let_go(struct thread *t)
{
    if (stuck_lets_go(t))
        scan_thread(t);
    mark_settle(workers_own());
}

static void scan_stopped_thread(struct thread *t)
{
    if (!stuck_sleeps_on(t))
        scan_thread(t);
    note_stack(t);
}

static void scan_magazines(void (*visit)(void *const *slots, size_t n))
{
    for (struct thread *t = thread_first_locked(); t; t = t->next)
        if (t->cache)
            cache_visit(t->cache, visit);
}

static void whiten_magazines(void)
{
    for (size_t i = 0; i < kept.count; i++)
        mark_slot_white(kept.slots[i]);
    for (size_t i = 0; i < kept.count; i++)
        span_of(kept.slots[i])->pinned = false;
    kept.count = 0;
}

// --- the phases ---------------------------------------------------------------------------------------------

// Under quarantine a cycle may be due every few milliseconds. What the barrier costs (arming, a fault for each page that is written, and
// threads stopped in turn) is then more than a short mark in a stopped world.
static bool is_worth_a_barrier(void)
{
    if (!quarantine_on || hunting || !mark_ns)
        return true;
    double grown = (double)heap_live_bytes() / (double)max_size(mark_bytes, MIB);
    return (double)mark_ns * (grown > 1 ? grown : 1) > (double)STOPPED_NS;
}

// Where a stop once took longer than it may, what a mark takes beside the program is believed as it is.
static void note_mark(bool concurrent)
{
    static unsigned beside = BESIDE;
    if (!concurrent && trace.stop.longest_ns > STOPPED_NS)
        beside = 1;
    mark_ns = concurrent ? (trace.concurrent_ns + trace.stop.longest_ns) / beside : trace.stop.longest_ns;
    mark_bytes = trace.heap_begin_bytes;
}

static void pass_by(struct thread *t) { (void)t; }

// What the last cycle left (T4).
static void forget_marks(void)
{
    bool wanted = taint_wanted;
    atomic_store(&taint_wanted, false);
    doubt_for(world_handshake(pass_by));
    taint_end_all();
    mark_clear_all();
    atomic_store(&taint_wanted, wanted);
    kept.there = kept.followed = false;
}

// Whether marking happens beside the program.
static bool begin(bool forced)
{
    doubt_begin();
    stuck_begin();
    trace = (struct trace){.number = cycles + 1,
                           .forced = forced,
                           .minor = minor_begins(kept.followed, forced),
                           .start_ns = clock_ns()};
    trace.heap_begin_bytes = heap_live_bytes();
    trace.goal_bytes = pace_figures().goal_bytes;
    pins_review();
    workers_start_helpers();
    cage_read_limits();
    workers_reset_totals();
    grey_reset();
    pace_cycle_begins(trace.minor);
    quarantine_cycle_begins();
    if (kept.there && !trace.minor)
        forget_marks();
    if (options.verify)
        verify_begin(trace.minor);
    bool wanted = trace.minor || is_worth_a_barrier();
    atomic_store(&heap_marking, true);
    bool concurrent = wanted && barrier_arm(trace.minor);
    kept.prepared = concurrent && kept.possible && minor_keeps();
    return concurrent;
}

static void scan_stacks_one_by_one(void)
{
    stack_count = 0;
    trace.stack_bytes = 0;
    allocated_before = heap_allocated_total();
    doubt_for(world_handshake(scan_thread_running_world));
}

// What the program has built since its stacks were scanned hangs from them: a millisecond of the final stop, where that is a tree.
static void scan_stacks_again(void)
{
    uint64_t news = heap_allocated_total() - allocated_before;
    if (hunting || news < PRECLEAN_ENOUGH)
        return;
    doubt_for(world_handshake(scan_thread_again));
    workers_drain(false);
    barrier_fetch(true, scan_dirty);
    workers_drain(false);
}

static void mark_beside_the_program(void)
{
    uint64_t begun = clock_ns();
    take_registered();
    pools_visit_running(take_value);
    note_dead_stacks();
    roots_scan_running(stacks, stack_count, scan_root);
    if (trace.minor)
        barrier_fetch(true, scan_dirty);
    faults = barrier_faults();
    workers_drain(false);
    if (finalizers_visit_running(scan_contents))
        workers_drain(false);
    for (uint64_t round = 0, last = UINT64_MAX, now; round < PRECLEAN_ROUNDS; round++, last = now) {
        uint64_t before = dirty_bytes;
        barrier_fetch(true, scan_dirty);
        workers_drain(false);
        now = dirty_bytes - before;
        if (now < PRECLEAN_ENOUGH ||
            now > last / 4 * 3) // it does not shrink: a further round would cost the program its faults alone
            break;
    }
    scan_stacks_again();
    for (int round = 0; round < LET_GO_ROUNDS && stuck_is_reached(); round++) {
        doubt_for(world_handshake(scan_who_is_let_go));
        workers_drain(false);
    }
    trace.concurrent_ns = clock_ns() - begun;
    pace_mark_ended(workers_totals().scanned_bytes);
}

static void scan_roots_stopped(void)
{
    uint64_t begun = clock_ns();
    doubt_for(roots_scan_stopped(stacks, stack_count, scan_root));
    trace.parts.roots_ns = clock_ns() - begun;
}

static void scan_what_was_written(void)
{
    uint64_t begun = clock_ns(), before = dirty_bytes;
    barrier_fetch(false, scan_dirty);
    trace.parts.written_ns = clock_ns() - begun;
    trace.parts.written_bytes = dirty_bytes - before;
}

// Everything that marking in a stopped world takes; with nothing marked before it is a whole mark.
static void mark_what_is_left(bool all, bool again)
{
    stack_count = 0;
    trace.stack_bytes = 0;
    take_registered();
    pools_visit_stopped(all, take_value, hunting ? note_ignore : NULL);
    bool keeps = kept.prepared && !again;
    if (!keeps) // first: what a stale word finds there is no block, and not scanned
        scan_magazines(blacken);
    world_each_stopped(scan_stopped_thread);
    note_dead_stacks();
    scan_roots_stopped();
    if (!all)
        scan_what_was_written();
    workers_drain(true);
    if (finalizers_visit_stopped(all, scan_contents))
        workers_drain(true);
    if (keeps) // last: what a word leads to that may not be read again keeps its mark, and so was scanned
        scan_magazines(blacken_for_now);
    if (stuck_judge())
        doubt_for("threads that wait for ever were looked for");
    if (grey_overflowed())
        doubt_for("no memory for the mark stack");
}

static void mark_again(void) { mark_what_is_left(true, true); }

static void verify(void)
{
    if (!verify_noting) // no memory for the notes: what is younger than the first mark cannot be told from what it missed
        return;
    verify_noting = false;
    verify_noted(take_value);
    workers_drain(true);
    verify_marks(mark_again);
}

static uint64_t marked_bytes(void) { return workers_totals().marked_bytes + pace_assist_marked_bytes(); }

// Condemned memory is not there to be used, and is read twice: by itself it is done where that is little.
static unsigned probation(uint64_t live)
{
    uint64_t dead = heap_live_bytes() > live ? heap_live_bytes() - live : 0;
    unsigned wanted = options.probation == PROBATION_AUTO ? dead <= max_size(PROBATION_LITTLE, live / 8)
                                                          : (unsigned)options.probation;
    return hunting && !wanted ? 1 : wanted;
}

// Old blocks that were freed since count too, of a minor cycle: more than there is.
static uint64_t live_now(void)
{
    uint64_t known = marked_bytes();
    return trace.minor ? min_size(known + pace_figures().live_bytes, heap_live_bytes()) : known;
}

static void stop_and_finish(bool marked_before)
{
    uint64_t begun = clock_ns();
    const char *problem = world_stop();
    if (problem) {
        doubt_for(problem);
        return;
    }
    trace.parts.stopping_ns = clock_ns() - begun;
    mark_what_is_left(!marked_before, false);
    uint64_t live = live_now(); // before verification marks everything again
    if (options.verify && !doubt_some())
        verify();
#ifdef GCPRE_DEBUG
    heap_check();
#endif
    atomic_store(&heap_marking, false);
    unsigned waits = options.reclaim ? probation(live) : PROBATION_FOREVER;
    bool sweeps = options.reclaim || hunting || quarantine_holds; // what was freed waits for no probation
    kept.there = kept.prepared && kept.count < MAX_KEPT && !doubt_some();
    atomic_store(&heap_keeps_marks, kept.there);
    if (!kept.there)
        taint_end_all(); // nobody may be born with a mark that the next cycle would believe
    heap_sweep_begin(sweeps && !doubt_some(), waits);
    if (!waits && !doubt_some())
        pace_sweep_begins(live);
    trace.heap_end_bytes = heap_live_bytes();
    world_resume();
    trace_pause(&trace.stop, clock_ns() - begun);
}

// The world could not be stopped: nothing is known, the marks go, before the next cycle.
static void abandon(void)
{
    atomic_store(&heap_marking, false);
    pace_assists_end();
    grey_reset();
    kept.there = true;
    trace.heap_end_bytes = heap_live_bytes();
}

static void sweep(void)
{
    if (atomic_load(&heap_marking)) {
        abandon();
        trace.live_bytes = trace.heap_end_bytes;
    } else {
        heap_sweep_all();
        struct sweep_count count = heap_sweep_total();
        trace.live_bytes = count.live_bytes;
        trace.dead_bytes = count.dead_bytes;
        trace.dead_blocks = count.dead_blocks;
    }
}

static void end(void)
{
    struct worker_totals totals = workers_totals();
    cycles++;
    trace.root_bytes = roots_bytes();
    trace.assist_ns = pace_assist_ns();
    trace.held_ns = pace_take_held_ns();
    trace.scanned_bytes = totals.scanned_bytes;
    trace.dirty_bytes = dirty_bytes;
    trace.doubt = doubt_text();
    notes_collect();
    atomic_store(&heap_cycle, (uint32_t)cycles);
    pace_cycle_ended(trace.live_bytes, trace.root_bytes + trace.stack_bytes, clock_ns() - trace.start_ns);
    trace.limited = limiter_is_on();
    trace_cycle(&trace);
    totals_note(&trace);
    doubt_tell();
}

// The next cycle can be a minor one, or everything is opened.
static void look_ahead(void)
{
    kept.followed = minor_ended(&trace, faults) && kept.there && !doubt_some();
    if (kept.followed)
        barrier_keep();
    else
        barrier_disarm();
    pace_expect(kept.followed);
}

void cycle_run(bool forced)
{
    dirty_bytes = 0;
    bool concurrent = begin(forced);
    if (concurrent)
        scan_stacks_one_by_one();
    if (concurrent && !doubt_some())
        mark_beside_the_program();
    if (!doubt_some())
        stop_and_finish(concurrent);
    if (!trace.minor) // which says nothing of the next full one
        note_mark(concurrent);
    sweep(); // first: whoever needs memory meanwhile takes fresh pages
    whiten_magazines();
    end();
    look_ahead();
    quarantine_cycle_ends(trace.start_ns, !trace.minor && !doubt_some());
}

uint64_t cycle_count(void) { return cycles; }

const struct trace *cycle_last(void) { return &trace; }

void cycle_also_scan(uintptr_t lo, uintptr_t hi)
{
    also_lo = align_up(lo, 8);
    also_hi = align_down(hi, 8);
}

void cycle_hunt(void) { hunting = true; }

// The barrier is chosen.
bool cycle_boot(void)
{
    context_learn();
    if (!stacks)
        stacks = meta_map(MAX_STACKS * sizeof stacks[0]);
    if (!kept.slots)
        kept.slots = meta_map(MAX_KEPT * sizeof kept.slots[0]);
    atomic_store(&taint_wanted, barrier->concurrent);
    kept.possible = kept.slots && barrier_can_keep() && !hunting && options.minor != MINOR_NEVER;
    kept.followed = false; // a collector that was paused has lost sight of writes
    minor_reset();
    return stacks && roots_boot();
}

void cycle_fork_child(void)
{
    atomic_store(&heap_marking, false);
    atomic_store(&heap_keeps_marks, false);
    kept.followed = false;
    kept.there = true; // what was born since with a mark, if nothing else
    whiten_magazines();
    verify_fork_child();
    totals_fork_child();
    cycles = 0;
}
