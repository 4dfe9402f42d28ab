#include "gc/workers.h"

#include "base/clock.h"
#include "base/meta.h"
#include "sys/cpu.h"
#include "sys/syscall.h"
#include "world/stop.h"
#include "world/thread.h"

#include <errno.h>
#include <sys/prctl.h>

#define STACK_BYTES (256 * KIB)

static struct worker {
    struct marker marker;
    _Atomic uint64_t cpu_ns;
    _Atomic pid_t tid; // 0: it has not run yet
    uint32_t born;     // the job before the first it takes part in, however late it comes to run
} workers[WORKERS_MAX];

static unsigned concurrent_count = 1, stopped_count = 1;
static unsigned started = 1;         // worker 0 is the collector thread itself
static _Atomic uint32_t job;         // generation of the current drain; helpers wait for it to change
static _Atomic unsigned job_workers; // how many take part
static _Atomic unsigned idle;        // of them, how many found nothing to do
static _Atomic unsigned finished;    // helpers that left the current drain
static _Atomic bool leaving;         // they shall end

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
    int error = sys_fault(SYS_clone3) ? EAGAIN : workers_create(&thread, &attr, start, arg);
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
    concurrent_count = concurrent < 1 ? 1 : concurrent > WORKERS_MAX ? WORKERS_MAX : concurrent;
    stopped_count = stopped < concurrent_count ? concurrent_count
                    : stopped > WORKERS_MAX    ? WORKERS_MAX
                                               : stopped;
}

struct marker *workers_own(void) { return &workers[0].marker; }

// Until every participant is idle at once: then nobody can make anything grey any more.
static void drain_with_others(struct marker *m)
{
    unsigned participants = atomic_load(&job_workers);
    for (;;) {
        mark_drain(m, UINT64_MAX);
        mark_settle(m);
        atomic_fetch_add(&idle, 1);
        atomic_fetch_add(&grey_hungry, 1);
        while (grey_is_empty() && atomic_load(&idle) < participants)
            sys_sched_yield();
        atomic_fetch_sub(&grey_hungry, 1);
        if (grey_is_empty() && atomic_load(&idle) == participants)
            return;
        atomic_fetch_sub(&idle, 1);
    }
}

static void *helper(void *arg)
{
    struct worker *w = arg;
    uint32_t seen = w->born;
    workers_thread_begin();
    atomic_store(&w->tid, sys_gettid());
    for (;;) {
        uint32_t current;
        while ((current = atomic_load(&job)) == seen)
            sys_futex_wait(&job, seen, NULL);
        if (atomic_load(&leaving))
            break;
        seen = current;
        if ((unsigned)(w - workers) < atomic_load(&job_workers)) {
            drain_with_others(&w->marker);
            atomic_store(&w->cpu_ns, clock_thread_cpu_ns());
            atomic_fetch_add(&finished, 1);
        }
    }
    thread_forget_own();
    return NULL;
}

void workers_leave(void)
{
    atomic_store(&leaving, true);
    atomic_fetch_add(&job, 1);
    sys_futex_wake(&job, INT32_MAX);
}

// The collector goes first: from then on no helper is started. One that is late says who it is, and goes too.
void workers_reap(void)
{
    const struct timespec moment = {.tv_nsec = 50000};
    for (unsigned i = 0; i < started; i++) {
        while (!atomic_load(&workers[i].tid) || sys_tgkill(sys_getpid(), workers[i].tid, 0) == 0)
            sys_call3(SYS_nanosleep, (long)&moment, 0, 0);
        atomic_store(&workers[i].tid, 0);
    }
    while (atomic_load(&stack_count))
        meta_unmap_foreign((void *)stacks[atomic_fetch_sub(&stack_count, 1) - 1], STACK_BYTES);
    started = 1;
    atomic_store(&leaving, false);
}

void workers_start_helpers(void)
{
    while (started < stopped_count) {
        workers[started].born = atomic_load(&job);
        if (workers_start_thread(helper, &workers[started]) != 0)
            break;
        started++;
    }
}

void workers_drain(bool stopped)
{
    unsigned wanted = stopped ? stopped_count : concurrent_count, n = started < wanted ? started : wanted;
    if (n == 1) {
        mark_drain(workers_own(), UINT64_MAX);
        mark_settle(workers_own());
        return;
    }
    mark_settle(workers_own());
    atomic_store(&idle, 0);
    atomic_store(&finished, 0);
    atomic_store(&job_workers, n);
    atomic_fetch_add(&job, 1);
    sys_futex_wake(&job, INT32_MAX);
    drain_with_others(workers_own());
    while (atomic_load(&finished) < n - 1)
        sys_sched_yield();
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

void workers_fork_child(void)
{
    started = 1;
    atomic_store(&leaving, false);
    while (atomic_load(&stack_count)) { // their threads do not exist here
        unsigned last = atomic_fetch_sub(&stack_count, 1) - 1;
        meta_own(stacks[last], stacks[last] + STACK_BYTES);
    }
    for (unsigned i = 0; i < WORKERS_MAX; i++) {
        workers[i].marker = (struct marker){0};
        atomic_store(&workers[i].tid, 0);
    }
    atomic_store(&grey_hungry, 0);
}
