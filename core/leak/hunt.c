#include "leak/hunt.h"

#include "base/log.h"
#include "base/options.h"
#include "base/peek.h"
#include "gc/collector.h"
#include "gc/cycle.h"
#include "gc/holder.h"
#include "gc/trace.h"
#include "leak/finding.h"
#include "leak/recall.h"
#include "leak/report.h"
#include "leak/retain.h"
#include "leak/site.h"
#include "leak/stack.h"
#include "leak/stale.h"
#include "leak/suppress.h"
#include "leak/text.h"
#include "leak/thread_leaks.h"
#include "leak/trend.h"
#include "leak/unjoined.h"
#include "leak/way.h"
#include "leak/weak.h"
#include "sys/syscall.h"
#include "world/dead.h"
#include "world/stop.h"
#include "world/thread.h"

#include <string.h>

bool hunting, sampling;

enum report_due { NO_REPORT, REPORT_SO_FAR, LAST_REPORT };
#define WALK_AT_EXIT_NS 300000000UL // of processor time, each: a heap of some millions of blocks
enum { TRIES_AT_EXIT = 2 }; // a thread that was slow to stop must not make all of the losses late ones

static bool has_unwinder, forked;
static pid_t process; // a vfork child has our memory, and must not end it
static __thread int disabled;
static _Atomic int phase;            // enum lost_phase, of the cycles that begin now
static _Atomic uint32_t report_due;  // enum report_due, when the next cycle has ended
static _Atomic bool finished;        // the last report is written
static _Atomic bool proved;          // the last cycle had no doubts
static const char *_Atomic retiring; // why nothing will be proven or written after the report that is due
static uint64_t last_proof_ns;
static _Atomic uint64_t lost_blocks;
static uintptr_t main_function, main_top, main_bottom; // of its frame; main_bottom once it is known

static bool wants(unsigned what) { return options.leaks & what; }

static const char *_Atomic programs_suppressions; // not read yet
static int (*is_turned_off)(void);

// --- in the collector thread ----------------------------------------------------------------------------------

// Also each time that the thread is back after a pause; in a forked child, and in a child's child, what was found is its parent's.
static void begin(void)
{
    static pid_t told_in;
    if (told_in && told_in != process) {
        sites_forget_findings();
        stale_forget();
        suppress_forget_counts();
        text_begin();
        thread_leaks_begin();
        last_proof_ns = 0;
    }
    if (told_in != process)
        report_begin();
    told_in = process;
    report_open();
}

static void write_json(const struct site *fresh, const struct trace *t, enum lost_phase in, uint64_t now_ns)
{
    report_process();
    report_lost(fresh, t, in, now_ns, last_proof_ns);
    report_cycle(t, now_ns);
    if (in == PHASE_RUN)
        thread_leaks_cycle(now_ns);
}

// Why more may be lost than was proven, and that will stay so.
static const char *why_incomplete(void) { return retiring ? retiring : collector_passive_reason(); }

static void write_living(const struct trace *t, uint64_t now_ns)
{
    bool may_walk = !collector_passive_reason(), // else this is an errand: reach.h, R5
        retained = may_walk && retain_within(WALK_AT_EXIT_NS),
         weak = may_walk && weak_within(WALK_AT_EXIT_NS);
    findings_walk();
    report_living(t, now_ns);
    if (retained)
        retain_end();
    if (weak)
        weak_end();
    report_all_growing(t->number, now_ns);
    if (may_walk)
        ways_put_suspects(WALK_AT_EXIT_NS);
}

// After all else: this walk is the end of what growth was told of.
static void write_weakly(void)
{
    if (collector_passive_reason() || !weak_within(WALK_AT_EXIT_NS))
        return;
    findings_walk();
    text_weakly();
    weak_end();
}

static void write_report(enum report_due due, const struct trace *t, uint64_t now_ns)
{
    if (options.format == FORMAT_JSON) {
        if (due != LAST_REPORT) // the losses are written
            return;
        write_living(t, now_ns);
        usage_report(t->number, now_ns);
        thread_leaks_put(now_ns);
        report_end(now_ns, retiring ? "retired" : "exit",
                   &(struct report_gap){why_incomplete() ? why_incomplete() : t->doubt, last_proof_ns});
    } else {
        text_all(!wants(LEAKS_CYCLE), why_incomplete());
        if (due == LAST_REPORT) {
            write_weakly();
            thread_leaks_text();
        }
    }
}

static void tell_growth(const struct site *s, enum growth_news news)
{
    const struct trace *t = cycle_last();
    if (options.format == FORMAT_JSON)
        report_growing(s, t->number, last_proof_ns, news == GROWTH_ENDED);
    else if (wants(LEAKS_CYCLE) && news == GROWTH_BEGAN)
        text_growing(s);
}

static void write_what_is_due(const struct trace *t, uint64_t now_ns)
{
    enum report_due due = (enum report_due)atomic_load(&report_due);
    if (due != NO_REPORT)
        write_report(due, t, now_ns);
    uint32_t written = due; // unless somebody asked for another meanwhile
    atomic_compare_exchange_strong(&report_due, &written, NO_REPORT);
    sys_futex_wake(&report_due, INT32_MAX);
}

static void cycle_ended(void)
{
    const struct trace *t = cycle_last();
    uint64_t now_ns = trace_elapsed_ns();
    enum lost_phase in = (enum lost_phase)atomic_load(&phase);
    const char *suppressions = atomic_exchange(&programs_suppressions, NULL);
    if (suppressions)
        suppress_add_text("__lsan_default_suppressions", suppressions, strlen(suppressions));
    struct site *fresh = findings_look(in, now_ns, last_proof_ns);
    struct lost_totals totals = report_totals();
    atomic_store(&lost_blocks, totals.lost.blocks);
    if (options.format == FORMAT_JSON)
        write_json(fresh, t, in, now_ns);
    else if (wants(LEAKS_CYCLE) && in != PHASE_LATE)
        text_fresh(fresh);
    atomic_store(&proved, !t->doubt);
    if (!t->doubt)
        last_proof_ns = now_ns;
    stale_cycle_ended((uint32_t)t->number);
    if (in == PHASE_RUN && !t->doubt)
        trend_cycle_ended(now_ns, tell_growth);
    write_what_is_due(t, now_ns);
}

static void sampled_cycle_ended(void)
{
    if (!cycle_last()->doubt)
        trend_cycle_ended(trace_elapsed_ns(), NULL);
}

// No cycle will end any more, and somebody wants the report.
static void errand(void)
{
    if (!collector_passive_reason() || atomic_load(&report_due) == NO_REPORT)
        return;
    if (options.format == FORMAT_JSON)
        report_process();
    write_what_is_due(cycle_last(), trace_elapsed_ns());
}

// --- in the program's threads ---------------------------------------------------------------------------------

static void note_death(const struct note *note, size_t bytes)
{
    site_count_lost_sample(note->site, note->order, bytes);
}

static void sample_boot(void)
{
    if (!options.control || !options.sample_bytes || !sites_boot() || !stack_open())
        return;
    heap_upcalls.noted_death = note_death;
    collector_upcalls.cycle_ended = sampled_cycle_ended;
    cache_sample_bytes = options.sample_bytes;
    has_unwinder = sampling = true;
}

void hunt_boot(void)
{
    if (!options.leaks) {
        sample_boot();
        return;
    }
    if (!sites_boot()) {
        log_line("no memory to hunt leaks: GCPRE_LEAKS is ignored");
        return;
    }
    has_unwinder = options.stack_frames > 1 && stack_open();
    if (!has_unwinder && options.stack_frames > 1)
        log_line("libunwind.so.8 is not there (install libunwind8): allocation stacks have one frame");
    if (options.suppress)
        suppress_read_file(options.suppress);
    cycle_hunt();
    stale_boot();
    dead_boot();
    collector_upcalls = (struct collector_upcalls){
        .keep_stderr = true, .begin = begin, .cycle_ended = cycle_ended, .errand = errand};
    process = sys_getpid();
    holders_wanted = true;
    hunting = true;
}

const char *hunt_tier(void) { return sampling ? "sampled" : has_unwinder ? "full" : "caller"; }

uint32_t hunt_weight(const struct note *note) { return sampling ? note->order : 1; }

bool hunt_forked(void) { return forked; }

// Once: a new site's stack is walked slowly to see where main's frame ends.
static void look_for_main(void)
{
    if (unlikely(main_function && !main_bottom)) {
        uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
        if (sp < main_top && thread_self && main_top <= thread_self->stack_hi && sp >= thread_self->stack_lo)
            main_bottom = stack_pointer_in(main_function);
    }
}

static __attribute__((noinline)) uint32_t site_of_stack(const void *caller)
{
    uintptr_t frames[STACK_FRAMES_MAX];
    return site_of(frames, stack_take(frames, (size_t)options.stack_frames, caller));
}

static uint32_t site_of_caller(const void *caller)
{
    uintptr_t frame = (uintptr_t)caller;
    return site_of(&frame, 1);
}

static __attribute__((noinline)) uint32_t site_of_new(const void *caller, uintptr_t frame)
{
    if (crit_inside())
        return SITE_UNKNOWN;
    bool has_room = has_unwinder && stack_has_room();
    uint32_t site = has_room ? site_of_stack(caller) : site_of_caller(caller);
    if (has_room)
        look_for_main();
    recall_learn(caller, frame, site);
    return site;
}

struct note_facts hunt_facts(size_t n, const void *caller)
{
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    uint32_t site = recall(caller, frame);
    if (unlikely(!site))
        site = site_of_new(caller, frame);
    uint32_t weight = unlikely(sampling) ? cache_sample_weight(&cache_self, n) : 1;
    site_count_alloc(site, weight, n);
    usage_allocated(site, n);
    return (struct note_facts){.site = site,
                               .flags = unlikely(disabled) ? NOTE_IGNORED : 0,
                               .order = unlikely(sampling) ? weight : cache_self.noted_blocks++};
}

uint32_t hunt_site(const void *caller)
{
    if ((!hunting && !sampling) || disabled || crit_inside())
        return 0;
    return has_unwinder && stack_has_room() ? site_of_stack(caller) : site_of_caller(caller);
}

// The program's signals wait, so that none of its code runs below the stack pointer that is scanned from.
static bool collect_from(uintptr_t entry)
{
    bool done;
    uint64_t all = ~(sys_sigbit(stop_signal) | sys_sigbit(SIGSEGV) | sys_sigbit(STOP_SETXID_SIGNAL)), before;
    sys_sigprocmask(SIG_BLOCK, &all, &before);
    if (thread_self)
        thread_self->entry_sp = entry;
    done = collector_collect();
    if (thread_self)
        thread_self->entry_sp = 0;
    sys_sigprocmask(SIG_SETMASK, &before, NULL);
    return done;
}

void hunt_main_begins(uintptr_t function, uintptr_t stack_pointer)
{
    main_function = function;
    main_top = stack_pointer;
}

// What main's frame held when it returned was reachable until then: it is lost at exit, not before.
void hunt_main_returned(uintptr_t entry)
{
    if (main_bottom && main_bottom < main_top)
        cycle_also_scan(main_bottom, main_top);
    hunt_exit_begins(entry);
    cycle_also_scan(0, 0);
}

// With a last cycle; where none can run, what was known before. False: nobody is there to write it.
static bool ask_for_report(enum report_due due, uintptr_t entry)
{
    const struct timespec moment = {.tv_nsec = 50000000};
    atomic_store(&report_due, due);
    collect_from(entry);
    while (atomic_load(&report_due) != NO_REPORT && collector_is_there()) {
        collector_call();
        sys_futex_wait(&report_due, due, &moment);
    }
    return atomic_load(&report_due) == NO_REPORT;
}

static bool may_ask(void)
{
    return hunting && !crit_inside() && sys_getpid() == process && !atomic_load(&finished);
}

static bool turned_off(void) { return is_turned_off && is_turned_off(); }

void hunt_exit_begins(uintptr_t entry)
{
    if (!may_ask() || !wants(LEAKS_EXIT) || turned_off() || atomic_exchange(&phase, PHASE_EXIT) != PHASE_RUN)
        return;
    for (int tries = 0; tries < TRIES_AT_EXIT && collect_from(entry) && !atomic_load(&proved); tries++)
        ;
    atomic_store(&phase, PHASE_LATE);
}

static void end_report(uintptr_t entry)
{
    if (!ask_for_report(LAST_REPORT, entry))
        log_line("no report of leaks: the collector's thread is not there");
    atomic_store(&finished, true);
}

void hunt_retires(const char *why)
{
    peek_plainly();
    if (!may_ask() || !wants(LEAKS_EXIT) || turned_off())
        return;
    atomic_store(&retiring, why);
    end_report(0);
}

int hunt_exit_ends(uintptr_t entry)
{
    if (atomic_load(&retiring) && atomic_load(&finished) && sys_getpid() == process && wants(LEAKS_EXIT))
        return atomic_load(&lost_blocks) ? options.exit_code : 0; // the report is written
    if (!may_ask() || !wants(LEAKS_EXIT) || turned_off())
        return 0;
    if (atomic_load(&phase) == PHASE_RUN)
        atomic_store(&phase, PHASE_EXIT);
    end_report(entry);
    return atomic_load(&lost_blocks) ? options.exit_code : 0;
}

// --- LeakSanitizer's interface ----------------------------------------------------------------------------------

void hunt_ignore(const void *p) { note_ignore((uintptr_t)p); }

void hunt_suppress(const char *text) { atomic_store(&programs_suppressions, text); }

void hunt_set_turned_off(int (*asked)(void)) { is_turned_off = asked; }

void hunt_disable(int more) { disabled = disabled + more < 0 ? 0 : disabled + more; }

bool hunt_check(uintptr_t entry)
{
    if (!may_ask())
        return false;
    ask_for_report(REPORT_SO_FAR, entry);
    return atomic_load(&lost_blocks);
}

// --- fork -------------------------------------------------------------------------------------------------------

void hunt_fork_prepare(void)
{
    if (hunting || sampling)
        stack_fork_prepare();
}

// A thread that was ending the parent is not here.
static void begin_as_child(void)
{
    int exiting = PHASE_EXIT;
    sites_fork_child();
    unjoined_fork_child();
    recall_fork_child();
    process = sys_getpid();
    forked = true;
    collector_upcalls.keep_stderr = false; // who waits for the end of a pipe waits for all of its writers
    atomic_store(&report_due, NO_REPORT);
    atomic_store(&retiring, NULL);
    atomic_compare_exchange_strong(&phase, &exiting, PHASE_RUN);
    atomic_store(&lost_blocks, 0);
}

void hunt_fork_done(bool in_child)
{
    if (!hunting && !sampling)
        return;
    stack_fork_done(in_child);
    if (in_child)
        begin_as_child();
}
