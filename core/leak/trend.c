#include "leak/trend.h"

#include "base/clock.h"
#include "heap/heap.h"
#include "leak/finding.h"
#include "leak/hunt.h"

enum { TREND_REST = 20, TREND_REST_SAMPLED = 100 };

static void look(uint64_t now_ns, void (*tell)(const struct site *s, enum growth_news news))
{
    uint32_t cycle = atomic_load(&heap_cycle);
    for (uint32_t id = 1; id < sites_end(); id++) {
        struct site *s = site_get(id);
        enum growth_news news = growth_look(&s->growth, cycle, now_ns);
        if (news != GROWTH_NOTHING && tell)
            tell(s, news);
    }
}

void trend_cycle_ended(uint64_t now_ns, void (*tell)(const struct site *s, enum growth_news news))
{
    static uint64_t next_ns; // by the clock
    if (clock_ns() < next_ns)
        return;
    uint64_t cpu_ns = clock_thread_cpu_ns();
    findings_walk();
    look(now_ns, tell);
    next_ns = clock_ns() + (clock_thread_cpu_ns() - cpu_ns) * (sampling ? TREND_REST_SAMPLED : TREND_REST);
}
