// Threads as they begin and end: the registry learns of them, their magazines go back.
//
// A thread's end is seen by a thread-specific value whose destructor puts itself off to the last round, so that other
// destructors still find the thread at home. What comes after it (libc frees its own things last) is served without magazines.
#include "boot.h"
#include "cleanup.h"

#include "real.h"
#include "start.h"
#include "sys/syscall.h"
#include "base/peek.h"
#include "world/dead.h"
#include "world/interrupt.h"
#include "world/kwrite.h"
#include "world/stop.h"
#include "world/thread.h"

#include "gc/collector.h"
#include "gc/pool.h"
#include "gc/workers.h"
#include "leak/hunt.h"
#include "leak/recall.h"
#include "leak/unjoined.h"

#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>
#include <threads.h>

#define MAIN_STACK_BYTES (8 * MIB)
enum { LAST_ROUND = 3 }; // of PTHREAD_DESTRUCTOR_ITERATIONS = 4
enum { DEAD_PAGES = 5 };

extern void *__libc_stack_end; // ld.so: where the main thread's stack began

static __thread bool has_own_stack; // the C library's
static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

// The C library keeps the stacks of ended threads for the next ones, and the 16 KiB below where the thread ended with all
// that was ever written there (advise_stack_range in nptl/allocatestack.c): they are roots, so what is dead goes here.
// Pages that were never touched stay so. No call while it writes: there is nothing below the stack pointer but the red zone.
static __attribute__((noinline)) void scrub_dead_stack(uintptr_t stack_lo, uintptr_t stack_hi)
{
    unsigned char present[DEAD_PAGES + 1];
    uintptr_t sp = (uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)15, lo, end;
    if (sp < stack_lo || sp >= stack_hi ||
        peek_is_plain()) // mincore(2) could be the end of the process (SOUNDNESS S53)
        return;
    lo = max_size(align_up(stack_lo, PAGE_BYTES), align_down(sp, PAGE_BYTES) - DEAD_PAGES * PAGE_BYTES);
    if (lo >= sp || sys_call3(SYS_mincore, (long)lo, (long)(sp - lo), (long)present) != 0)
        return;
    __asm__ volatile("lea -128(%%rsp),%0" : "=r"(end));
    for (size_t i = 0; lo < end; i++, lo = align_down(lo, PAGE_BYTES) + PAGE_BYTES) {
        uintptr_t from = lo, words = (min_size(end, align_down(lo, PAGE_BYTES) + PAGE_BYTES) - lo) / 8;
        if (present[i] & 1)
            __asm__ volatile("rep stosq" : "+D"(from), "+c"(words) : "a"(0UL) : "memory");
    }
}

// The C library ends the process when its last thread ends, and counts ours: without this the process would stay for ever, with nobody
// in it who takes signals.
static void let_process_end(void)
{
    if (cleanup_is_there() && thread_count() == 1)
        cleanup_leave();
    if (thread_count())
        return;
    collector_pause();
    atomic_store(&collector_start_wanted, false);
}

static void on_exit_round(void *round)
{
    uintptr_t n = (uintptr_t)round;
    if (n < LAST_ROUND)
        pthread_setspecific(key, (void *)(n + 1));
    else {
        uintptr_t lo = thread_self ? thread_self->stack_lo : 0, hi = thread_self ? thread_self->stack_hi : 0;
        kwrite_thread_exit();
        interrupt_thread_exit();
        recall_thread_exit();
        pools_thread_exit();
        if (hunting && has_own_stack && lo)
            dead_note(lo);
        unjoined_ends((uintptr_t)pthread_self(), has_own_stack ? hi - lo : 0);
        thread_unregister();
        let_process_end();
        scrub_dead_stack(lo, hi);
    }
}

static void make_key(void) { pthread_key_create(&key, on_exit_round); }

static void watch_exit(void)
{
    pthread_once(&key_once, make_key);
    pthread_setspecific(key, (void *)1);
}

// When the last destructor has run the C library blocks every signal, that of pthread_cancel too, and frees what belonged to stacks that it kept for too
// long. A thread of its own that never came to the heap comes then (threads of aio_read do): nothing would tell us of its end.
static bool is_at_its_end(void)
{
    uint64_t mask = 0;
    return sys_sigprocmask(SIG_BLOCK, NULL, &mask) == 0 && mask >> (STOP_CANCEL_SIGNAL - 1) & 1;
}

// Inside a critical section. The main thread comes here from within the dynamic loader: thread_boot does the rest for it.
void thread_comes_to_heap(void)
{
    if (is_at_its_end())
        return; // it is served without magazines
    thread_register(0, 0);
    if (thread_self && sys_gettid() != sys_getpid())
        watch_exit();
}

static int create_ours(pthread_t *thread, const pthread_attr_t *attr, void *(*function)(void *), void *arg);

void thread_boot(void)
{
    workers_create = create_ours;
    uintptr_t end = (uintptr_t)__libc_stack_end;
    struct rlimit limit = {MAIN_STACK_BYTES, MAIN_STACK_BYTES};
    getrlimit(RLIMIT_STACK, &limit);
    if (sys_gettid() != sys_getpid())
        return; // loaded by another thread: nothing to say about this one's stack
    thread_set_stack(end - min_size(limit.rlim_cur, MAIN_STACK_BYTES), align_up(end, PAGE_BYTES), 0);
    watch_exit();
}

// --- pthread_create -----------------------------------------------------------------------------------------

// Where the stack is, and its first frame; whether somebody may still join the thread.
static bool learn_attributes(uintptr_t frames_hi)
{
    pthread_attr_t attr;
    void *lo = NULL;
    size_t bytes = 0;
    int state = PTHREAD_CREATE_JOINABLE;
    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
        pthread_attr_getstack(&attr, &lo, &bytes);
        pthread_attr_getdetachstate(&attr, &state);
        pthread_attr_destroy(&attr);
    }
    thread_set_stack((uintptr_t)lo, (uintptr_t)lo + bytes, frames_hi);
    return state == PTHREAD_CREATE_JOINABLE;
}

static struct start enter_thread(void *p, uintptr_t frames_hi)
{
    struct start start = start_take(p);
    unjoined_begins(start.ticket, (uintptr_t)pthread_self());
    if (!learn_attributes(frames_hi))
        unjoined_forget(start.ticket);
    has_own_stack = start.own_stack;
    watch_exit();
    kwrite_thread_start();
    cleanup_start(); // it may have gone meanwhile
    return start;
}

static void *begin(void *p)
{
    struct start start = enter_thread(p, (uintptr_t)__builtin_frame_address(0));
    return start.function(start.arg);
}

static int begin_c11(void *p)
{
    struct start start = enter_thread(p, (uintptr_t)__builtin_frame_address(0));
    return start.c11(start.arg);
}

static int create_really(pthread_t *thread, const pthread_attr_t *attr, void *(*function)(void *), void *arg)
{
    static void *_Atomic cache;
    typeof(pthread_create) *real = real_symbol(&cache, "pthread_create");
    return real(thread, attr, function, arg);
}

// What the C library allocates for a thread of ours is no leak of the program's, when a forked child has no use for it.
static int create_ours(pthread_t *thread, const pthread_attr_t *attr, void *(*function)(void *), void *arg)
{
    int error;
    hunt_disable(1);
    error = create_really(thread, attr, function, arg);
    hunt_disable(-1);
    return error;
}

static bool is_joinable(const pthread_attr_t *attr)
{
    int state = PTHREAD_CREATE_JOINABLE;
    return !attr || pthread_attr_getdetachstate(attr, &state) != 0 || state == PTHREAD_CREATE_JOINABLE;
}

// NULL: no memory.
static struct start *prepare(struct start start, bool joinable, const void *caller)
{
    if (collector_start_wanted && boot_done)
        collector_start();
    int saved = errno; // the unwinder's affair
    uint32_t site = joinable ? hunt_site(caller) : 0;
    errno = saved;
    if (site)
        start.ticket = unjoined_announce(site);
    struct start *kept = start_keep(start);
    if (!kept)
        unjoined_forget(start.ticket);
    return kept;
}

// No thread was made.
static void undo(struct start *kept) { unjoined_forget(start_take(kept).ticket); }

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*function)(void *), void *arg)
{
    void *stack = NULL;
    size_t bytes = 0;
    if (attr && pthread_attr_getstack(attr, &stack, &bytes) == 0 && stack)
        kwrite_exclude((uintptr_t)stack, (uintptr_t)stack + bytes);
    bool own_stack = !stack || (uintptr_t)stack + bytes == 0;
    struct start *start = prepare((struct start){.function = function, .arg = arg, .own_stack = own_stack},
                                  is_joinable(attr), __builtin_return_address(0));
    if (!start)
        return EAGAIN;
    uint32_t ticket = kwrite_enter_one(thread, sizeof *thread);
    int error = create_really(thread, attr, begin, start);
    kwrite_leave(ticket);
    if (error)
        undo(start);
    return error;
}

// The C library's makes its thread without asking our pthread_create.
EXPORT int thrd_create(thrd_t *thread, thrd_start_t function, void *arg)
{
    static void *_Atomic cache;
    typeof(thrd_create) *real = real_symbol(&cache, "thrd_create");
    if (!code_contains(
            &boot_libc,
            (const void *)real)) // a library's own, over pthread_create and perhaps with other results
        return real(thread, function, arg);
    struct start *start = prepare((struct start){.c11 = function, .arg = arg, .own_stack = true}, true,
                                  __builtin_return_address(0));
    if (!start)
        return thrd_nomem;
    uint32_t ticket = kwrite_enter_one(thread, sizeof *thread);
    int result = real(thread, begin_c11, start);
    kwrite_leave(ticket);
    if (result != thrd_success)
        undo(start);
    return result;
}
