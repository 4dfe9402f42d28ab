// Figures of the heap and of its cycles. Names are those of Go's runtime.MemStats where they mean the same; times are nanoseconds,
// sizes bytes.
//
// The memory line adds up to what is resident: what belongs to nothing else is `other_bytes` (the program's own mappings, libraries,
// stacks). Its parts are looked at one after the other while the program runs, and each is cut to what the parts before it left.
#include "base/bits.h"
#include "base/clock.h"
#include "base/meta.h"
#include "base/options.h"
#include "ctl/answer.h"
#include "ctl/views.h"
#include "gc/collector.h"
#include "gc/cycle.h"
#include "gc/limiter.h"
#include "gc/pace.h"
#include "gc/scavenge.h"
#include "gc/totals.h"
#include "gc/trace.h"
#include "heap/extent.h"
#include "heap/heap.h"
#include "heap/probation.h"
#include "leak/finding.h"
#include "leak/hunt.h"
#include "leak/json.h"
#include "leak/report.h"
#include "sys/syscall.h"
#include "world/barrier.h"
#include "world/pages.h"
#include "world/tasks.h"
#include "world/thread.h"
#include "world/written.h"

#include <string.h>

void figures_cycle(void) { report_cycle(cycle_last(), totals_now().last_end_ns); }

// --- stats ------------------------------------------------------------------------------------------------------

static void count_task(pid_t tid, void *count) { *(uint64_t *)count += !thread_is_own(tid); }

static void put_heap(const struct totals *totals)
{
    struct pace_figures pace = pace_figures();
    json_number("heap_alloc", heap_live_bytes());
    json_number("heap_live", pace.live_bytes);
    if (pace.goal_bytes != SIZE_MAX) {
        json_number("heap_goal", pace.goal_bytes);
        json_number("next_gc", pace.trigger_bytes);
    }
    json_number("heap_sys", cage_top() - cage.base);
    json_number("heap_peak", max_size(totals->peak_bytes, heap_live_bytes()));
    json_number("heap_unheld", heap_live_bytes() + totals->dead_bytes);
    json_number("total_alloc", heap_allocated_total());
    json_number("reclaimed_bytes", totals->dead_bytes);
    json_number("reclaimed_blocks", totals->dead_blocks);
    json_number("rss_bytes", report_resident_bytes());
    json_number("metadata_bytes", meta_mapped_bytes());
    json_number("scavenged_bytes", scavenge_figures().returned_bytes);
    json_number("scavenge_cpu_ns", scavenge_figures().cpu_ns);
}

static void put_cycles(const struct totals *totals)
{
    json_number("num_gc", totals->cycles);
    json_number("num_forced_gc", totals->forced);
    json_number("last_gc_ns", totals->last_end_ns);
    json_number("pause_total_ns", totals->pause_total_ns);
    json_number("pause_last_ns", totals->pause_last_ns);
    json_number("pause_max_ns", totals->pause_max_ns);
    json_number("pause_stopping_ns", totals->pause_parts.stopping_ns);
    json_number("pause_roots_ns", totals->pause_parts.roots_ns);
    json_number("pause_written_ns", totals->pause_parts.written_ns);
    json_number("written_bytes", totals->pause_parts.written_bytes);
    json_number("handshake_max_ns", totals->handshake_max_ns);
    json_number("mark_last_ns", totals->mark_last_ns);
    json_number("gc_cpu_ns", trace_cpu_ns());
    json_number("assist_ns", totals->assist_ns);
    json_number("held_ns", totals->held_ns);
    json_number("cpu_ns", clock_process_cpu_ns());
    json_number("roots_bytes", totals->root_bytes);
    json_number("stacks_bytes", totals->stack_bytes);
}

static void put_state(const struct trace *t)
{
    const char *why = collector_passive_reason();
    uint64_t threads = 0;
    tasks_each(count_task, &threads);
    json_number("threads", threads);
    json_string("barrier", barrier->name);
    json_bool("reclaim", options.reclaim);
    if (pace_percent() >= 0)
        json_number("gogc", (uint64_t)pace_percent());
    if (pace_limit() != SIZE_MAX)
        json_number("memory_limit", pace_limit());
    json_bool("limited", limiter_is_on());
    json_number("period_ns", options.period_ns);
    json_bool("trace", options.trace);
    if (why)
        json_string("passive", why);
    if (t->doubt)
        json_string("doubt", t->doubt);
}

static void put_lost(void)
{
    if (!hunting && !sampling)
        return;
    if (sampling)
        sites_take_samples(trace_elapsed_ns());
    struct lost_totals lost = report_totals();
    json_string("tier", hunt_tier());
    json_number("sites", sites_end() - 1);
    json_number("lost_blocks", lost.lost.blocks);
    json_number("lost_bytes", lost.lost.bytes);
    json_number("suppressed_blocks", lost.suppressed.blocks);
    json_number("suppressed_bytes", lost.suppressed.bytes);
    json_number("write_windows", written_windows());
    json_number("write_watched_ns", written_watched_ns());
}

void figures_stats(void)
{
    struct totals totals = totals_now();
    json_begin("stats");
    json_number("pid", (uint64_t)sys_getpid());
    json_number("at_ns", trace_elapsed_ns());
    put_heap(&totals);
    put_cycles(&totals);
    put_state(cycle_last());
    put_lost();
    json_end(answer_put);
}

// --- memory -----------------------------------------------------------------------------------------------------

static size_t sum;

static void add_pages(uintptr_t lo, uintptr_t hi) { sum += hi - lo; }

static size_t resident(uintptr_t lo, uintptr_t hi)
{
    sum = 0;
    pages_each(lo, hi, PAGES_RESIDENT, add_pages);
    return sum;
}

static void add_condemned(const struct heap_block *b, unsigned sweeps)
{
    (void)sweeps;
    sum += b->bytes;
}

static size_t condemned_bytes(void)
{
    sum = 0;
    probation_each(add_condemned);
    return sum;
}

// The cage is in the list of what is ours too, perhaps merged with its neighbours.
static size_t resident_outside_cage(const struct range *r)
{
    uintptr_t end = cage.base + cage.bytes, before = min_size(r->hi, cage.base), after = max_size(r->lo, end);
    return (r->lo < before ? resident(r->lo, before) : 0) + (after < r->hi ? resident(after, r->hi) : 0);
}

static size_t resident_metadata(void)
{
    enum { RANGES = 4096 };
    struct range *ranges = meta_map(RANGES * sizeof ranges[0]);
    size_t bytes = 0, count = ranges ? min_size(meta_ranges(ranges, RANGES), RANGES) : 0;
    for (size_t i = 0; i < count; i++)
        bytes += resident_outside_cage(&ranges[i]);
    if (ranges)
        meta_unmap(ranges, RANGES * sizeof ranges[0]);
    return bytes;
}

// Bytes of blocks whose pages are there: of large ones many may never have been touched.
static size_t resident_blocks(void)
{
    size_t all = 0, touched = 0, live = heap_live_bytes();
    for (uint32_t id = 1; id < large_id_end(); id++) {
        uintptr_t base = atomic_load(&large_row(id)->base);
        size_t bytes = base ? atomic_load(&large_row(id)->bytes) : 0;
        all += bytes;
        touched += resident(base, base + bytes);
    }
    return (live > all ? live - all : 0) + touched;
}

static void put_part(const char *key, size_t bytes, size_t *left)
{
    bytes = min_size(bytes, *left);
    *left -= bytes;
    json_number(key, bytes);
}

void figures_memory(void)
{
    size_t slack = 0, condemned = condemned_bytes(), metadata = resident_metadata();
    size_t in_cage = resident(cage.base, cage_top()), blocks = min_size(resident_blocks(), in_cage);
    size_t rss = report_resident_bytes(), left = rss;
    if (hunting) {
        findings_walk();
        slack = findings_slack_bytes();
    }
    size_t live = blocks - min_size(blocks, condemned + slack);
    json_begin("memory");
    json_number("at_ns", trace_elapsed_ns());
    json_number("rss_bytes", rss);
    put_part("live_bytes", live, &left);
    put_part("lost_bytes", options.reclaim ? 0 : condemned, &left);
    put_part("probation_bytes", options.reclaim ? condemned : 0, &left);
    put_part("fragment_bytes", slack, &left);
    put_part("free_bytes", in_cage - blocks, &left);
    put_part("metadata_bytes", metadata, &left);
    json_number("other_bytes", left);
    json_end(answer_put);
}
