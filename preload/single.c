// Calls that a process may make only with a single thread (SOUNDNESS S52): ours end first, and come back when the next cycle is due.
// unshare(2): a new user namespace, and whatever implies CLONE_THREAD; setns(2): into a user namespace.
#include "real.h"

#include "boot.h"

#include "gc/collector.h"

#include <sched.h>

EXPORT int unshare(int flags)
{
    static void *_Atomic cache;
    typeof(unshare) *real = real_symbol(&cache, "unshare");
    if (boot_done && flags & (CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM))
        collector_pause();
    return real(flags);
}

// The kind may be left to the descriptor.
EXPORT int setns(int fd, int kind)
{
    static void *_Atomic cache;
    typeof(setns) *real = real_symbol(&cache, "setns");
    if (boot_done && (kind == 0 || kind & CLONE_NEWUSER))
        collector_pause();
    return real(fd, kind);
}
