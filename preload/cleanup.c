#include "cleanup.h"

#include "gcpre.h"
#include "real.h"

#include "heap/special.h"
#include "sys/syscall.h"
#include "world/thread.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>

enum state { NONE, STARTING, THERE, LEAVING };

enum { MOMENT_NS = 100000, PATIENCE = 1000 };

static _Atomic int state;
static _Atomic pid_t last_tid; // of the thread that is there, or was last

// Who ends looks at the state after it has gone from the registry, this thread at the registry after it has set the state: one of them sees
// that nobody else is left.
static void arrive(void)
{
    atomic_store(&state, THERE);
    if (thread_count() == 1)
        atomic_store(&state, LEAVING);
}

// A thread that was being made when the others ended looks at the state after it has come to the registry (cleanup_start), this one at the
// registry after it has set the state: one of them sees to it that there is such a thread.
static bool is_needed_after_all(void)
{
    int none = NONE;
    atomic_store(&state, NONE);
    if (thread_count() == 1 || !atomic_compare_exchange_strong(&state, &none, STARTING))
        return false;
    arrive();
    return true;
}

// In a frame of its own: a block that was called for must not be kept by what is left of it here.
static __attribute__((noinline)) bool call_one(void)
{
    struct special_call due;
    if (!special_take_due(&due))
        return false;
    if (due.finalize)
        due.finalize(due.block, due.arg);
    else
        due.clean(due.arg);
    return true;
}

static void *run(void *arg)
{
    (void)arg;
    sys_call3(SYS_prctl, PR_SET_NAME, (long)"gcpre-cleanup", 0);
    atomic_store(&last_tid, sys_gettid());
    arrive();
    for (;;) {
        uint32_t rung = atomic_load(&specials_bell);
        while (call_one())
            ;
        if (atomic_load(&state) != LEAVING)
            sys_futex_wait(&specials_bell, rung, NULL);
        else if (!is_needed_after_all())
            return NULL;
    }
}

// Not one that the C library kept of an ended thread: a thread that was about to use such a one when the process was forked had freed what
// is freed again when a thread is created there in the child.
static char *stack;

// The one before says that it goes while it still stands on its stack: for some microseconds.
static bool last_is_gone(void)
{
    const struct timespec moment = {.tv_nsec = MOMENT_NS};
    pid_t tid = atomic_load(&last_tid);
    for (int moments = 0; tid && sys_call3(SYS_tgkill, sys_getpid(), tid, 0) == 0; moments++) {
        if (moments == PATIENCE)
            return false;
        sys_call3(SYS_nanosleep, (long)&moment, 0, 0);
    }
    return true;
}

static void set_stack(pthread_attr_t *attr)
{
    static size_t bytes;
    if (stack && !last_is_gone())
        stack = NULL; // another one
    if (!stack && pthread_attr_getstacksize(attr, &bytes) == 0) {
        void *fresh = sys_mmap(NULL, bytes + PAGE_BYTES, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
        if (!sys_failed((long)fresh) && sys_mprotect(fresh, PAGE_BYTES, PROT_NONE) == 0)
            stack = (char *)fresh + PAGE_BYTES;
    }
    if (stack)
        pthread_attr_setstack(attr, stack, bytes);
}

static void create(void)
{
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t all, old;
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    set_stack(&attr); // without memory for it: one of the C library's
    pthread_sigmask(SIG_SETMASK, &all, &old);
    if (pthread_create(&thread, &attr, run, NULL) != 0)
        atomic_store(&state, NONE); // the next who comes by tries again
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
}

void cleanup_start(void)
{
    int none = NONE;
    if (special_has_calls() && atomic_compare_exchange_strong(&state, &none, STARTING))
        create();
}

bool cleanup_is_there(void) { return atomic_load(&state) >= THERE; }

void cleanup_leave(void)
{
    atomic_store(&state, LEAVING);
    atomic_fetch_add(&specials_bell, 1);
    sys_futex_wake(&specials_bell, 1);
}

// The parent's thread's stack stays, as those of others do: what the C library keeps of the thread is only there.
void cleanup_fork_child(void)
{
    atomic_store(&state, NONE);
    atomic_store(&last_tid, 0);
    stack = NULL;
}

// --- gcpre.h ------------------------------------------------------------------------------------------------

EXPORT struct gcpre_cleanup libgcpre_add_cleanup(void *p, void (*call)(void *arg), void *arg)
{
    struct gcpre_cleanup cleanup = {NULL, 0};
    int saved = errno;
    cleanup.record = special_cleanup(p, call, arg, &cleanup.serial);
    if (cleanup.record)
        cleanup_start();
    errno = saved;
    return cleanup;
}

EXPORT int libgcpre_stop_cleanup(struct gcpre_cleanup cleanup)
{
    return cleanup.record && special_stop((struct special *)cleanup.record, cleanup.serial);
}

EXPORT int libgcpre_set_finalizer(void *p, void (*finalize)(void *p, void *arg), void *arg)
{
    int saved = errno, problem = special_finalizer(p, finalize, arg);
    if (!problem && finalize)
        cleanup_start();
    errno = saved;
    return problem;
}

static struct special *record(struct gcpre_weak *weak) { return (struct special *)weak; }

EXPORT struct gcpre_weak *libgcpre_weak_new(void *p) { return (struct gcpre_weak *)special_weak(p); }

EXPORT void *libgcpre_weak_get(struct gcpre_weak *weak) { return special_get(record(weak)); }

EXPORT void libgcpre_weak_free(struct gcpre_weak *weak) { special_free(record(weak)); }
