#include "gc/totals.h"

#include "base/crit.h"
#include "base/lock.h"

static struct lock guard = LOCK_INIT(LOCK_RANK_FIGURES);
static struct totals totals;

static void add_locked(const struct trace *t)
{
    totals.cycles++;
    totals.forced += t->forced;
    totals.last_end_ns = trace_elapsed_ns();
    totals.pause_total_ns += t->stop.total_ns;
    totals.pause_last_ns = t->stop.longest_ns;
    totals.pause_parts = t->parts;
    totals.pause_max_ns = max_size(totals.pause_max_ns, t->stop.longest_ns);
    totals.handshake_max_ns = max_size(totals.handshake_max_ns, t->begin.longest_ns);
    totals.assist_ns += t->assist_ns;
    totals.held_ns += t->held_ns;
    totals.mark_last_ns = t->concurrent_ns;
    totals.dead_blocks += t->dead_blocks;
    totals.dead_bytes += t->dead_bytes;
    totals.peak_bytes = max_size(totals.peak_bytes, t->heap_begin_bytes);
    totals.root_bytes = t->root_bytes;
    totals.stack_bytes = t->stack_bytes;
}

void totals_note(const struct trace *t)
{
    lock_acquire(&guard); // the collector's thread: nobody stops it
    add_locked(t);
    lock_release(&guard);
}

struct totals totals_now(void)
{
    struct totals now;
    crit_enter();
    lock_acquire(&guard);
    now = totals;
    lock_release(&guard);
    crit_leave();
    return now;
}

void totals_fork_child(void)
{
    lock_reset(&guard);
    totals = (struct totals){0};
}
