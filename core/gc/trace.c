#include "gc/trace.h"

#include "base/bits.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/options.h"
#include "gc/workers.h"
#include "sys/cpu.h"

#define TOLD_HELD_NS 1000000u

static uint64_t process_start_ns;
static uint64_t collector_cpu_before_ns, helpers_before_ns, collector_total_ns;

uint64_t trace_cpu_ns(void) { return collector_total_ns; }

uint64_t trace_elapsed_ns(void) { return clock_ns() - process_start_ns; }

void trace_boot(void)
{
    process_start_ns = clock_ns();
    collector_total_ns = 0;
}

void trace_begin(void)
{
    collector_cpu_before_ns = clock_thread_cpu_ns();
    helpers_before_ns = workers_totals().cpu_ns;
}

void trace_pause(struct trace_pauses *pauses, uint64_t ns)
{
    pauses->count++;
    pauses->total_ns += ns;
    if (ns > pauses->longest_ns)
        pauses->longest_ns = ns;
}

static double ms(uint64_t ns) { return (double)ns / 1e6; }

static unsigned long mib(size_t bytes) { return (bytes + MIB / 2) / MIB; }

// Clock: the longest stop of one thread at the beginning, the concurrent part, the final stop. Processor time: what those
// stops kept from the program, assists, the collector's own threads, idle-time workers (there are none). Behind that: for how long threads
// were held because the heap was past its goal, assists included, all of them together.
void trace_cycle(struct trace *t)
{
    uint64_t own = clock_thread_cpu_ns(), helpers = workers_totals().cpu_ns;
    uint64_t background = own - collector_cpu_before_ns + helpers - helpers_before_ns;
    uint64_t elapsed = trace_elapsed_ns();
    unsigned processors = (unsigned)cpu_count();
    char held[40] = "";
    collector_cpu_before_ns = own;
    helpers_before_ns = helpers;
    t->cpu_ns = background + t->assist_ns;
    collector_total_ns += t->cpu_ns;
    if (!options.trace)
        return;
    if (t->held_ns >= TOLD_HELD_NS)
        format_text(held, sizeof held, " (%.3f ms held)", ms(t->held_ns));
    log_raw(
        "gc %lu @%.3fs %lu%%: %.3f+%.3f+%.3f ms clock, %.3f+%.3f/%.3f/%.3f+%.3f ms cpu, %lu->%lu->%lu MB, "
        "%lu MB goal, %lu MB stacks, %lu MB globals, %u P%s%s%s%s%s%s%s",
        t->number, (double)(t->start_ns - process_start_ns) / 1e9,
        100 * collector_total_ns / (elapsed * processors + 1), ms(t->begin.longest_ns), ms(t->concurrent_ns),
        ms(t->stop.longest_ns), ms(t->begin.total_ns), ms(t->assist_ns), ms(background), 0.0,
        ms(t->stop.total_ns * processors), mib(t->heap_begin_bytes), mib(t->heap_end_bytes),
        mib(t->live_bytes), mib(t->goal_bytes), mib(t->stack_bytes), mib(t->root_bytes), processors,
        t->forced ? " (forced)" : "", t->minor ? " (minor)" : "", t->limited ? " (limiter on)" : "", held,
        t->doubt ? " (nothing reclaimed: " : "", t->doubt ? t->doubt : "", t->doubt ? ")" : "");
}
