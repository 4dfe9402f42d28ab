#include "cleanup.h"

#include "gcpre.h"
#include "real.h"

#include "heap/special.h"
#include "sys/syscall.h"
#include "world/thread.h"

#include <errno.h>
#include <pthread.h>
#include <sys/prctl.h>

enum state { NONE, STARTING, THERE, LEAVING };

static _Atomic int state;

// Who ends looks at the state after it has gone from the registry, this thread at the registry after it has set the state: one of them sees
// that nobody else is left.
static void arrive(void)
{
    atomic_store(&state, THERE);
    if (thread_count() == 1)
        atomic_store(&state, LEAVING);
}

static void *run(void *arg)
{
    void (*call)(void *arg);
    sys_call3(SYS_prctl, PR_SET_NAME, (long)"gcpre-cleanup", 0);
    arrive();
    for (;;) {
        uint32_t rung = atomic_load(&specials_bell);
        while (special_take_due(&call, &arg))
            call(arg);
        if (atomic_load(&state) == LEAVING)
            return NULL;
        sys_futex_wait(&specials_bell, rung, NULL);
    }
}

static void create(void)
{
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t all, old;
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    if (pthread_create(&thread, &attr, run, NULL) != 0)
        atomic_store(&state, NONE); // the next who comes by tries again
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
}

void cleanup_start(void)
{
    int none = NONE;
    if (special_has_cleanups() && atomic_compare_exchange_strong(&state, &none, STARTING))
        create();
}

bool cleanup_is_there(void) { return atomic_load(&state) >= THERE; }

void cleanup_leave(void)
{
    atomic_store(&state, LEAVING);
    atomic_fetch_add(&specials_bell, 1);
    sys_futex_wake(&specials_bell, 1);
}

void cleanup_fork_child(void) { atomic_store(&state, NONE); }

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

static struct special *record(struct gcpre_weak *weak) { return (struct special *)weak; }

EXPORT struct gcpre_weak *libgcpre_weak_new(void *p) { return (struct gcpre_weak *)special_weak(p); }

EXPORT void *libgcpre_weak_get(struct gcpre_weak *weak) { return special_get(record(weak)); }

EXPORT void libgcpre_weak_free(struct gcpre_weak *weak) { special_free(record(weak)); }
