// fork: no lock of ours is held by somebody else at that moment, and the child begins a life of its own.
//
// The forking thread waits for a stop under way to end (it can itself be stopped while it waits), then enters a critical
// section until both processes have their locks back.
//
// fork calls our handlers by itself. _Fork, clone without CLONE_VM and the system calls behind them call nobody's, so their
// wrappers bracket them (SOUNDNESS S50). A signal handler that forks inside our critical section gets a plain one:
// what its child may do then is what POSIX lets it, and it must not allocate.
#include "fork.h"

#include "boot.h"
#include "cleanup.h"
#include "real.h"
#include "signal.h"
#include "start.h"

#include "gc/collector.h"
#include "gc/workers.h"
#include "heap/heap.h"
#include "leak/hunt.h"
#include "sys/syscall.h"
#include "world/pins.h"
#include "world/regions.h"
#include "world/stop.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

static pid_t process; // whose memory this is

static void prepare(void)
{
    hunt_fork_prepare();
    workers_fork_prepare();
    stop_fork_prepare();
    crit_enter();
    thread_fork_prepare();
    pins_fork_prepare();
    collector_fork_prepare();
    regions_fork_prepare();
    heap_fork_prepare();
}

static void parent(void)
{
    heap_fork_parent();
    regions_fork_done();
    collector_fork_parent();
    pins_fork_done();
    thread_fork_parent();
    stop_fork_done(false);
    workers_fork_done();
    crit_leave();
    hunt_fork_done(false);
}

static void child(void)
{
    heap_fork_child();
    regions_fork_done();
    collector_fork_child();
    pins_fork_done();
    thread_fork_child();
    process = sys_getpid();
    stop_fork_done(true);
    workers_fork_done();
    signal_fork_child();
    start_fork_child();
    cleanup_fork_child();
    cache_open_short_path(&cache_self, false);
    crit_leave();
    hunt_fork_done(true);
}

void fork_boot(void)
{
    process = sys_getpid();
    pthread_atfork(prepare, parent, child);
}

bool fork_enter(void)
{
    if (!boot_done || crit_inside() ||
        sys_getpid() != process) // a vfork child has our memory, and must leave it alone
        return false;
    prepare();
    return true;
}

void fork_leave(bool entered, bool in_child)
{
    if (entered)
        (in_child ? child : parent)();
}

EXPORT pid_t _Fork(void)
{
    static void *_Atomic cache;
    typeof(_Fork) *real = real_symbol(&cache, "_Fork");
    bool entered = fork_enter();
    pid_t pid = real();
    int error = errno;
    fork_leave(entered, pid == 0);
    errno = error;
    return pid;
}

// --- clone -------------------------------------------------------------------------------------------------------

bool fork_is_one(long number, long first)
{
    uint64_t flags = CLONE_VM;
    if (number == SYS_fork)
        return true;
    if (number == SYS_clone)
        flags = (uint64_t)first;
    if (number == SYS_clone3)
        flags = *(const uint64_t *)first; // struct clone_args begins with them
    return !(flags & CLONE_VM);
}

void fork_note_sharing(uint64_t flags)
{
    if ((flags & CLONE_VM) && !(flags & (CLONE_THREAD | CLONE_VFORK)))
        collector_passive("another process runs in this one's memory");
}

int fork_begin_child(void *p)
{
    const struct fork_start start = *(struct fork_start *)p;
    fork_leave(start.entered, true);
    return start.body(start.arg);
}
