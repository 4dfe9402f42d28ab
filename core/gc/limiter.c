#include "gc/limiter.h"

#include "base/bits.h"
#include "base/clock.h"
#include "gc/trace.h"
#include "sys/cpu.h"

#define SHORTEST_WAIT_NS 200000u
#define LONGEST_WAIT_NS  100000000u

static uint64_t less(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }

// Of the debt that cycles leave which did not wait (manual ones) only the last one's is kept.
void limiter_flow(struct limiter *l, uint64_t collector_ns, uint64_t others_ns)
{
    uint64_t before = collector_ns ? min_size(l->fill_ns, LIMITER_BUCKET_NS) : l->fill_ns;
    l->fill_ns = less(before + collector_ns, others_ns);
    l->on = l->fill_ns > (l->on ? LIMITER_BUCKET_NS / 2 : LIMITER_BUCKET_NS);
}

uint64_t limiter_excess_ns(const struct limiter *l) { return less(l->fill_ns, LIMITER_BUCKET_NS); }

// --- the process's ----------------------------------------------------------------------------------------------

static struct limiter limiter;
static _Atomic bool is_on;
static uint64_t seen_clock_ns, seen_collector_ns;

void limiter_look(void)
{
    uint64_t clock = clock_ns(), collector = trace_cpu_ns();
    uint64_t all = less(clock, seen_clock_ns) * (unsigned)cpu_count(),
             ours = less(collector, seen_collector_ns);
    if (seen_clock_ns)
        limiter_flow(&limiter, ours, less(all, ours));
    seen_clock_ns = clock;
    seen_collector_ns = collector;
    is_on = limiter.on;
}

uint64_t limiter_wait_ns(void)
{
    uint64_t excess = limiter_excess_ns(&limiter), wait = excess / (unsigned)cpu_count();
    return excess ? min_size(max_size(wait, SHORTEST_WAIT_NS), LONGEST_WAIT_NS) : 0;
}

bool limiter_is_on(void) { return is_on; }

void limiter_reset(void)
{
    limiter = (struct limiter){0};
    seen_clock_ns = 0;
    is_on = false;
}
