#include "gc/workers.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/meta.h"
#include "sys/syscall.h"
#include "world/stop.h"
#include "world/thread.h"

#include <errno.h>
#include <sys/prctl.h>

#define STACK_BYTES        (256 * KIB)
#define HELPER_PATIENCE_NS 30000000000UL // who waits for the cycle waits as long

static struct worker {
    struct marker marker;
    _Atomic uint64_t cpu_ns;
    _Atomic pid_t tid; // 0: it has not run yet
} workers[WORKERS_MAX];

static unsigned concurrent_count = 1, stopped_count = 1;
static unsigned started = 1; // worker 0 is the collector thread itself
static struct {
    _Atomic pid_t tid;
    bool started;
    void (*body)(void);
} guest;

// Held by who creates a thread, with all signals blocked. fork(3) frees the C library's locks in the child, _Fork and the system
// call do not, and the child needs them when it comes to have a collector.
static struct lock creation = LOCK_INIT(LOCK_RANK_CREATE);

static uintptr_t stacks[WORKERS_MAX + 1]; // where our threads' stacks begin
static _Atomic unsigned stack_count;

bool workers_own_stack(uintptr_t sp)
{
    bool ours = false;
    for (unsigned i = 0; i < atomic_load(&stack_count) && !ours; i++)
        ours = sp - stacks[i] < STACK_BYTES;
    return ours;
}

int (*workers_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = pthread_create;

int workers_start_thread(void *(*start)(void *arg), void *arg)
{
    pthread_attr_t attr;
    pthread_t thread;
    // All signals but the C library's own: setuid(2) and its like hold its locks until every thread has answered the second, the one
    // that waits for those locks here among them.
    uint64_t all = ~(sys_sigbit(STOP_CANCEL_SIGNAL) | sys_sigbit(STOP_SETXID_SIGNAL)), old;
    // A root until the thread runs: at its end lies the C library's descriptor, which alone refers to what it allocates for a
    // thread in advance.
    char *stack = sys_mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sys_failed((long)stack))
        return ENOMEM;
    if (atomic_load(&stack_count) > (unsigned)WORKERS_MAX)
        return EAGAIN;
    stacks[atomic_load(&stack_count)] = (uintptr_t)stack;
    atomic_fetch_add(&stack_count, 1);
    pthread_attr_init(&attr);
    pthread_attr_setstack(&attr, stack, STACK_BYTES);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sys_sigprocmask(SIG_SETMASK, &all, &old);
    lock_acquire(&creation);
    int error = sys_fault(SYS_clone3) ? EAGAIN : workers_create(&thread, &attr, start, arg);
    lock_release(&creation);
    sys_sigprocmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (error) { // only one thread is created at a time
        atomic_fetch_sub(&stack_count, 1);
        sys_munmap(stack, STACK_BYTES);
    }
    return error;
}

void workers_thread_begin(void)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0), roots = align_up(here, PAGE_BYTES);
    thread_announce_own();
    sys_call3(SYS_prctl, PR_SET_NAME, (long)"gcpre", 0); // for top and ps
    // Above this frame lie the C library's descriptor of the thread and its TLS: roots like anybody's.
    for (unsigned i = 0; i < atomic_load(&stack_count); i++)
        if (here - stacks[i] < STACK_BYTES)
            meta_own(stacks[i], roots);
}

void workers_boot(unsigned concurrent, unsigned stopped)
{
    atomic_store(&workers[0].tid, sys_gettid());
    for (unsigned i = 0; i < WORKERS_MAX; i++) // the helpers to come are new threads
        atomic_store(&workers[i].cpu_ns, 0);
    concurrent_count = concurrent < 1 ? 1 : concurrent > WORKERS_MAX ? WORKERS_MAX : concurrent;
    stopped_count = stopped < concurrent_count ? concurrent_count
                    : stopped > WORKERS_MAX    ? WORKERS_MAX
                                               : stopped;
}

struct marker *workers_own(void) { return &workers[0].marker; }

static void *helper(void *arg)
{
    struct worker *w = arg;
    workers_thread_begin();
    atomic_store(&w->tid, sys_gettid());
    while (crew_join((unsigned)(w - workers))) {
        mark_drain(&w->marker, UINT64_MAX);
        mark_settle(&w->marker);
        atomic_store(&w->cpu_ns, clock_thread_cpu_ns());
        crew_leave();
    }
    thread_forget_own();
    return NULL;
}

static void *be_guest(void *arg)
{
    (void)arg;
    workers_thread_begin();
    atomic_store(&guest.tid, sys_gettid());
    guest.body();
    thread_forget_own();
    return NULL;
}

// A helper that has not run yet looks like a thread of the program that does not stop. On a machine with thirty for each processor one took
// more than the six seconds of three cycles in a row, which proved nothing. So its first cycle begins when it has said who it is.
static bool wait_for_name(const _Atomic pid_t *tid)
{
    struct timespec moment = {.tv_nsec = 20000};
    for (uint64_t end = clock_ns() + HELPER_PATIENCE_NS; !atomic_load(tid) && clock_ns() < end;) {
        sys_call3(SYS_nanosleep, (long)&moment, 0, 0);
        moment.tv_nsec = moment.tv_nsec < 1000000 ? moment.tv_nsec * 2 : moment.tv_nsec;
    }
    return atomic_load(tid);
}

int workers_start_guest(void (*body)(void))
{
    guest.body = body;
    guest.started = true;
    int error = workers_start_thread(be_guest, NULL);
    guest.started = !error;
    if (!error)
        wait_for_name(&guest.tid);
    return error;
}

void workers_leave(void) { crew_dismiss(); }

static void wait_for_end(_Atomic pid_t *tid)
{
    const struct timespec moment = {.tv_nsec = 50000};
    while (!atomic_load(tid) || sys_tgkill(sys_getpid(), atomic_load(tid), 0) == 0)
        sys_call3(SYS_nanosleep, (long)&moment, 0, 0);
    atomic_store(tid, 0);
}

// The collector goes first: from then on no helper is started. One that is late says who it is, and goes too.
void workers_reap(void)
{
    for (unsigned i = 0; i < started; i++)
        wait_for_end(&workers[i].tid);
    if (guest.started)
        wait_for_end(&guest.tid);
    guest.started = false;
    while (atomic_load(&stack_count))
        meta_unmap_foreign((void *)stacks[atomic_fetch_sub(&stack_count, 1) - 1], STACK_BYTES);
    started = 1;
    crew_reset();
}

void workers_start_helpers(void)
{
    bool there = true; // one that does not come to run: no more of them in this cycle
    while (there && started < stopped_count && workers_start_thread(helper, &workers[started]) == 0)
        there = wait_for_name(&workers[started++].tid);
}

void workers_drain(bool stopped)
{
    unsigned wanted = stopped ? stopped_count : concurrent_count;
    crew_begin(started < wanted ? started : wanted);
    do {
        mark_drain(workers_own(), UINT64_MAX);
        mark_settle(workers_own());
    } while (!crew_end());
}

struct worker_totals workers_totals(void)
{
    struct worker_totals total = {0};
    for (unsigned i = 0; i < WORKERS_MAX; i++) {
        total.scanned_bytes += workers[i].marker.scanned_bytes;
        total.marked_blocks += workers[i].marker.marked_blocks;
        total.marked_bytes += workers[i].marker.marked_bytes;
        total.cpu_ns += atomic_load(&workers[i].cpu_ns);
    }
    return total;
}

void workers_reset_totals(void)
{
    for (unsigned i = 0; i < WORKERS_MAX; i++)
        workers[i].marker.scanned_bytes = workers[i].marker.marked_blocks = workers[i].marker.marked_bytes =
            0;
}

void workers_fork_prepare(void) { lock_acquire(&creation); }

void workers_fork_done(void) { lock_release(&creation); }

void workers_fork_child(void)
{
    started = 1;
    while (atomic_load(&stack_count)) { // their threads do not exist here
        unsigned last = atomic_fetch_sub(&stack_count, 1) - 1;
        meta_own(stacks[last], stacks[last] + STACK_BYTES);
    }
    for (unsigned i = 0; i < WORKERS_MAX; i++) {
        workers[i].marker = (struct marker){0};
        atomic_store(&workers[i].tid, 0);
    }
    atomic_store(&guest.tid, 0);
    guest.started = false;
    crew_reset();
}
