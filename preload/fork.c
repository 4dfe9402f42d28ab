// fork: no lock of ours is held by somebody else at that moment, and the child begins a life of its own.
//
// The forking thread waits for a stop under way to end (it can itself be stopped while it waits), then enters a critical
// section until both processes have their locks back.
#include "boot.h"

#include "gc/collector.h"
#include "heap/heap.h"
#include "signal.h"
#include "world/stop.h"

#include <pthread.h>

static void prepare(void)
{
    stop_fork_prepare();
    crit_enter();
    thread_fork_prepare();
    collector_fork_prepare();
    heap_fork_prepare();
}

static void parent(void)
{
    heap_fork_parent();
    collector_fork_parent();
    thread_fork_parent();
    stop_fork_done(false);
    crit_leave();
}

static void child(void)
{
    heap_fork_child();
    collector_fork_child();
    thread_fork_child();
    stop_fork_done(true);
    signal_fork_child();
    crit_leave();
}

void fork_boot(void) { pthread_atfork(prepare, parent, child); }
