#include "gc/collector.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/options.h"
#include "gc/cycle.h"
#include "gc/doubt.h"
#include "gc/limiter.h"
#include "gc/mark.h"
#include "gc/pace.h"
#include "gc/pool.h"
#include "gc/scan.h"
#include "gc/scavenge.h"
#include "gc/trace.h"
#include "gc/workers.h"
#include "heap/cache.h"
#include "heap/quarantine.h"
#include "sys/cpu.h"
#include "sys/syscall.h"
#include "world/barrier.h"
#include "world/console.h"
#include "world/procfd.h"
#include "world/stop.h"

#include <errno.h>

enum { PATIENCE_S = 30 }; // of who waits for a cycle, with a thread that does not come to run
enum {
    HOLD_NS = 2000000,
    HOLD_TURN_NS = 250000,
    HOLD_DOUBLINGS = 7,
    HOLD_STEPS = 64,
    LAST_RESORT_NS = 1000000000,
    LAST_RESORT_SHARE = 8 // of the heap
};
#define HOLD_LEAST_STEP (512 * KIB)
enum thread_state { THREAD_NONE, THREAD_STARTING, THREAD_RUNNING, THREAD_LEAVING };

_Atomic bool collector_start_wanted;

static _Atomic int state;         // enum thread_state
static _Atomic uint32_t cycling;  // a cycle may be under way
static _Atomic uint32_t begun;    // cycles so far
static _Atomic uint32_t requests; // bumped by whoever wants a cycle
static _Atomic uint32_t bell;     // the thread sleeps on this; bumped by whoever wants something of it
static _Atomic uint32_t
    forced_until;                // requests up to this number are manual: cycles for them count as forced
static _Atomic uint32_t served;  // the newest request that a finished cycle began after; waiters sleep on it
static _Atomic uint32_t refills; // for GCPRE_STRESS
static pid_t process;
static int log_fd = -1;
struct collector_upcalls collector_upcalls;

void collector_boot(void)
{
    process = sys_getpid();
    pace_boot(options.gogc, options.memlimit_bytes);
    scan_boot((unsigned)options.scan_align);
    trace_boot();
}

void collector_passive(const char *why)
{
    if (doubt_for_good(why))
        quarantine_end();
}

const char *collector_passive_reason(void) { return doubt_why_for_good(); }

void collector_retire(const char *why)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    collector_passive(why);
    while (atomic_load(&cycling)) // after the doubt: run() looks at them in the other order
        sys_futex_wait(&cycling, 1, &moment);
}

void collector_let_pass(void)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    uint32_t now = atomic_load(&begun);
    while (atomic_load(&cycling) && atomic_load(&begun) == now)
        sys_futex_wait(&cycling, 1, &moment);
}

// Before anything of the heap is read, and when that is over.
static void set_cycling(bool on)
{
    atomic_store(&heap_is_read, on);
    atomic_store(&cycling, on);
}

// --- the thread ---------------------------------------------------------------------------------------------

static void write_log(const char *line, size_t bytes)
{
    if (log_fd >= 0)
        sys_write(log_fd, line, bytes);
    else
        console_write(line, bytes);
}

static void open_log(void)
{
    char path[4096];
    if (!options.log || !options_expand_path(options.log, path, sizeof path))
        return;
    log_fd = sys_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (log_fd < 0)
        log_line("%s: the log cannot be opened (error %d); using standard error", path, -log_fd);
}

// Only this thread's lines may go through its descriptors; the others keep writing to the program's.
static void log_from_anywhere(const char *line, size_t bytes)
{
    if (thread_is_own(sys_gettid()))
        write_log(line, bytes);
    else
        log_to_stderr(line, bytes);
}

static bool set_up(void)
{
    unsigned processors = (unsigned)cpu_count();
    workers_thread_begin();
    if (!procfd_open(collector_upcalls.keep_stderr))
        return false;
    log_writer = log_from_anywhere;
    open_log();
    stop_boot(options.signal);
    stop_is_ours = workers_own_stack;
    stop_boot_second();
    barrier_boot(options.barrier);
    workers_boot(options.workers ? (unsigned)options.workers : processors / 4,
                 options.workers ? (unsigned)options.workers : processors);
    trace_begin();
    scavenge_begin();
    limiter_reset();
    if (collector_upcalls.begin)
        collector_upcalls.begin();
    return cycle_boot();
}

void collector_call(void)
{
    atomic_fetch_add(&bell, 1);
    sys_futex_wake(&bell, 1);
}

bool collector_is_there(void) { return atomic_load(&state) == THREAD_RUNNING; }

static void sleep_until_called(uint32_t rung, uint64_t ns)
{
    const struct timespec rest = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    sys_futex_wait(&bell, rung, ns != UINT64_MAX ? &rest : NULL);
}

enum reason { ASKED, PERIOD_OVER, LULL };

static bool is_forced(void)
{
    return (int32_t)(atomic_load(&forced_until) - atomic_load(&served)) > 0 || options.stress;
}

// How long a cycle that is asked for waits, because only the memory limit asks and the collector has had its share; 0: it begins.
static uint64_t put_off_ns(void)
{
    if (is_forced() || atomic_load(&state) == THREAD_LEAVING || !pace_only_limit_asks())
        return 0;
    limiter_look();
    return limiter_wait_ns();
}

// Why a cycle begins now. One errand and one turn of the scavenger at a time, so that they do not keep a cycle waiting.
static enum reason wait_for_request(uint32_t seen)
{
    uint64_t since_ns = clock_ns();
    for (;;) {
        uint32_t rung = atomic_load(&bell);
        if (collector_upcalls.errand)
            collector_upcalls.errand();
        bool asked = atomic_load(&requests) != seen;
        uint64_t wait_ns = asked ? put_off_ns() : 0;
        if (asked && !wait_ns)
            return ASKED;
        uint64_t passed_ns = clock_ns() - since_ns, period_ns = options.period_ns; // an errand may change it
        if (period_ns && passed_ns >= period_ns)
            return PERIOD_OVER;
        uint64_t turn_ns = doubt_is_for_good() ? UINT64_MAX : scavenge_turn();
        if (turn_ns != UINT64_MAX && scavenge_wants_cycle())
            return LULL;
        turn_ns = min_size(turn_ns, wait_ns ? wait_ns : UINT64_MAX);
        sleep_until_called(rung, min_size(turn_ns, period_ns ? period_ns - passed_ns : UINT64_MAX));
    }
}

static void announce(uint32_t request)
{
    atomic_store(&served, request);
    sys_futex_wake(&served, INT32_MAX);
}

static void *run(void *arg)
{
    uint32_t seen = 0;
    (void)arg;
    if (!set_up()) {
        collector_passive("the kernel's view of the process (/proc/self) is not accessible");
        announce(atomic_load(&requests));
        if (collector_upcalls.end)
            collector_upcalls.end();
        thread_forget_own();
        atomic_store(&state, THREAD_NONE); // nobody waits for it; none is started again
        return NULL;
    }
    atomic_store(&state, THREAD_RUNNING);
    for (;;) {
        enum reason reason = wait_for_request(seen);
        if (atomic_load(&state) == THREAD_LEAVING)
            break;
        seen = atomic_load(&requests);
        bool forced = reason != ASKED || (int32_t)(atomic_load(&forced_until) - atomic_load(&served)) > 0;
        atomic_fetch_add(&begun, 1);
        set_cycling(true);
        if (!doubt_is_for_good()) {
            uint64_t before_ns = trace_cpu_ns();
            cycle_run(forced);
            pace_limit() == SIZE_MAX ? limiter_reset() : limiter_look();
            scavenge_cycle_ended(trace_cpu_ns() - before_ns, cycle_last()->heap_end_bytes, reason == LULL);
            if (collector_upcalls.cycle_ended)
                collector_upcalls.cycle_ended();
        }
        set_cycling(false);
        announce(seen);
    }
    if (collector_upcalls.end)
        collector_upcalls.end();
    workers_leave();
    log_writer = log_to_stderr;
    log_fd = -1; // its table of descriptors goes with the thread
    thread_forget_own();
    return NULL;
}

void collector_pause(void)
{
    const struct timespec moment = {.tv_nsec = 50000};
    int running = THREAD_RUNNING;
    if (sys_getpid() != process) // a vfork child: the threads are its parent's, and not in its way
        return;
    while (atomic_load(&state) == THREAD_STARTING)
        sys_call3(SYS_nanosleep, (long)&moment, 0, 0);
    if (!atomic_compare_exchange_strong(&state, &running, THREAD_LEAVING))
        return;
    atomic_fetch_add(&requests, 1);
    collector_call();
    workers_reap();
    atomic_store(&state, THREAD_NONE);
    if (collector_upcalls.at_once || atomic_load(&requests) != atomic_load(&served))
        atomic_store(&collector_start_wanted, true);
}

void collector_start(void)
{
    int none = THREAD_NONE;
    if (doubt_is_for_good()) { // wanted before it was known; under a filter this call could be the end
        atomic_store(&collector_start_wanted, false);
        return;
    }
    if (sys_getpid() != process || !atomic_compare_exchange_strong(&state, &none, THREAD_STARTING))
        return; // a vfork child has our memory, but must not have a thread in it
    atomic_store(&collector_start_wanted, false);
    int error = workers_start_thread(run, NULL);
    if (error)
        collector_passive("the collector's thread could not be created");
}

// --- requests -----------------------------------------------------------------------------------------------

static void request(void)
{
    atomic_fetch_add(&requests, 1);
    collector_call();
    if (atomic_load(&state) == THREAD_NONE)
        atomic_store(&collector_start_wanted, true);
}

// One request at a time: a cycle that is due stays due until one has run.
static void request_once(void)
{
    if (atomic_load(&requests) == atomic_load(&served))
        request();
    else if (atomic_load(&state) == THREAD_NONE)
        atomic_store(&collector_start_wanted, true);
}

void collector_want_cycle(void)
{
    if (!doubt_is_for_good())
        request_once();
}

static bool stress_due(void)
{
    return options.stress && atomic_fetch_add_explicit(&refills, 1, memory_order_relaxed) % options.stress ==
                                 options.stress - 1;
}

// Not while the collector's thread is being created: perhaps by the one who asks, for whom the C library allocates then.
static bool cycle_is_coming(void)
{
    return atomic_load(&state) == THREAD_RUNNING && atomic_load(&requests) != atomic_load(&served);
}

// The heap is past its goal, and the cycle that will bring it back is under way: the thread that wants more works for
// that cycle, or waits for it a moment, so that the collector gets a processor. After Go's gcAssistAlloc and gcParkAssist;
// unlike there the time is bounded: a program is never held up for good. 2 ms for a refill, twice that for each further sixty-fourth
// that the heap is past its goal, up to 256: eight threads whose collector gets no processor for a second stay within a tenth of it.
static uint64_t hold_ns(void)
{
    size_t goal = pace_figures().goal_bytes, live = pace_heap_bytes();
    size_t steps = live > goal ? (live - goal) / max_size(goal / HOLD_STEPS, HOLD_LEAST_STEP) : 0;
    return (uint64_t)HOLD_NS << min_size(steps, HOLD_DOUBLINGS);
}

static void hold_back(size_t bytes)
{
    if (thread_is_own(
            sys_gettid())) // the C library allocates for a helper that we create: who should end this would wait for it
        return;
    uint64_t since = clock_ns(), end = since + hold_ns();
    struct timespec moment = {.tv_nsec = HOLD_TURN_NS};
    while (pace_overdue() && cycle_is_coming() && clock_ns() < end) {
        uint32_t seen = atomic_load(&served);
        if (!pace_assist(bytes, true))
            sys_futex_wait(&served, seen, &moment);
    }
    pace_note_held(clock_ns() - since);
}

void collector_pace(void *p)
{
    if (doubt_is_for_good())
        return;
    if (pace_due() || stress_due())
        request_once();
    struct heap_block block = heap_find((uintptr_t)p);
    size_t bytes = block.kind == HEAP_SMALL ? block.bytes * cache_refill(&cache_self, block.bin)
                                            : block.bytes;
    if (unlikely(pace_overdue()))
        hold_back(bytes);
    else
        pace_assist(bytes, false);
}

bool collector_collect(void)
{
    if (doubt_is_for_good())
        return false;
    uint32_t mine = atomic_fetch_add(&requests, 1) + 1, now;
    atomic_store(&forced_until, mine);
    if (atomic_load(&state) == THREAD_NONE)
        collector_start();
    collector_call();
    for (int seconds = 0; (int32_t)((now = atomic_load(&served)) - mine) < 0;) {
        seconds += atomic_load(&state) == THREAD_RUNNING ? 0 : 1;
        if (doubt_is_for_good() ||
            seconds > PATIENCE_S) // a handler in the middle of collector_start, or collector_pause
            return false;
        if (atomic_load(&state) == THREAD_NONE) // paused meanwhile
            collector_start();
        sys_futex_wait(&served, now, &(struct timespec){.tv_sec = 1});
    }
    return true;
}

bool collector_ask(uint32_t *ticket)
{
    if (doubt_is_for_good())
        return false;
    *ticket = atomic_fetch_add(&requests, 1) + 1;
    atomic_store(&forced_until, *ticket);
    return true;
}

bool collector_has_run(uint32_t ticket) { return (int32_t)(atomic_load(&served) - ticket) >= 0; }

bool collector_looks(bool begins)
{
    atomic_fetch_add(&begun, begins);
    set_cycling(begins);
    return begins && !doubt_is_for_good(); // in this order: collector_retire looks at them in the other
}

static struct {
    _Atomic uint32_t under_way; // who comes meanwhile sleeps on it
    _Atomic uint64_t ended_ns, allocated_total;
} last_resort;

// Where everything is alive another cycle finds nothing. But a heap that is given up and filled anew at full speed may come to its end many
// times in a second.
static bool may_help(void)
{
    uint64_t now = clock_ns(), before = atomic_load(&last_resort.ended_ns),
             allocated = heap_allocated_total() - atomic_load(&last_resort.allocated_total);
    return !before || now - before >= LAST_RESORT_NS || allocated > heap_live_bytes() / LAST_RESORT_SHARE;
}

static bool resort_to_cycle(void)
{
    if (!may_help())
        return false;
    atomic_store(&last_resort.allocated_total, heap_allocated_total()); // others may take what it finds
    bool done = collector_collect();
    atomic_store(&last_resort.ended_ns, clock_ns());
    return done;
}

// It may just have been created: on a busy machine the heap can be full before it has run. Not for ever: who waits may be who creates it.
static bool is_there_soon(void)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    uint64_t end = clock_ns() + LAST_RESORT_NS;
    while (atomic_load(&state) == THREAD_STARTING && !thread_is_own(sys_gettid()) && clock_ns() < end)
        sys_call3(SYS_nanosleep, (long)&moment, 0, 0);
    return collector_is_there();
}

bool collector_out_of_memory(void)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    uint32_t nobody = 0;
    if (!is_there_soon())
        return false;
    if (!atomic_compare_exchange_strong(&last_resort.under_way, &nobody, 1)) {
        while (atomic_load(&last_resort.under_way))
            sys_futex_wait(&last_resort.under_way, 1, &moment);
        return true;
    }
    bool done = resort_to_cycle();
    atomic_store(&last_resort.under_way, 0);
    sys_futex_wake(&last_resort.under_way, INT32_MAX);
    return done;
}

// --- fork ---------------------------------------------------------------------------------------------------

void collector_fork_prepare(void)
{
    pools_fork_prepare();
    grey_fork_prepare();
}

void collector_fork_parent(void)
{
    grey_fork_done();
    pools_fork_parent();
}

void collector_fork_child(void)
{
    bool had_thread = atomic_load(&state) != THREAD_NONE;
    grey_fork_done();
    pools_fork_child();
    process = sys_getpid();
    log_writer = log_to_stderr;
    log_fd = -1;
    atomic_store(&state, THREAD_NONE);
    set_cycling(false);
    atomic_store(&requests, 0);
    atomic_store(&served, 0);
    atomic_store(&forced_until, 0);
    atomic_store(&last_resort.under_way, 0);
    barrier_fork_child();
    cycle_fork_child();
    workers_fork_child();
    pace_fork_child();
    grey_reset();
    if (had_thread)
        heap_fork_forget_cycle();
    if (had_thread && collector_upcalls.at_once)
        atomic_store(&collector_start_wanted, true);
    trace_boot();
}
