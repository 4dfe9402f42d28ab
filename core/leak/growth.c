#include "leak/growth.h"

enum { PATIENCE = 4 };
#define RISE_LEAST_NS 1000000000u // a program that runs no longer grows all the time

static unsigned generations(const struct growth *g) { return (unsigned)__builtin_popcountl(g->born); }

uint64_t growth_bytes(const struct growth *g) { return g->best_bytes - g->first_bytes; }

uint64_t growth_rate(uint64_t bytes, uint64_t ns)
{
    double rate = (double)bytes * 3600e9 / ((double)ns + 1);
    return rate < 0x1p64 ? (uint64_t)rate : UINT64_MAX;
}

uint64_t growth_bytes_per_hour(const struct growth *g, uint64_t now_ns)
{
    return growth_rate(growth_bytes(g), now_ns - g->since_ns);
}

unsigned growth_confidence(const struct growth *g) { return 100 * g->steps / (g->steps + GROWTH_STEPS); }

static void begin(struct growth *g, uint32_t cycle, uint64_t now_ns)
{
    *g = (struct growth){.since_ns = now_ns,
                         .since_cycle = cycle,
                         .record_cycle = cycle,
                         .first_bytes = g->settled_bytes,
                         .best_bytes = g->settled_bytes,
                         .stride = 1,
                         .longest_fallen = g->longest_fallen};
}

// G1. A pair of spells becomes one; what was the best is halved with them.
void growth_walk_begins(struct growth *g, uint32_t cycle)
{
    g->born = g->settled_bytes = 0;
    while (cycle > g->since_cycle && (cycle - g->since_cycle) >> g->shift >= GROWTH_SPELLS) {
        g->shift++;
        g->best_generations = (uint8_t)((g->best_generations + 1) / 2);
    }
}

// --- steps (G2) -------------------------------------------------------------------------------------------------

static void keep_every_second_mark(struct growth *g)
{
    g->marks = GROWTH_MARKS / 2;
    g->stride *= 2;
    for (unsigned i = 0; i < g->marks; i++)
        g->mark[i] = g->mark[2 * i + 1];
}

static void keep_marks(struct growth *g, uint32_t cycle)
{
    while (cycle - g->since_cycle >= (g->marks + 1) * g->stride) {
        if (g->marks == GROWTH_MARKS)
            keep_every_second_mark(g);
        else
            g->mark[g->marks++] = g->best_bytes;
    }
}

// What it had before the second half of its rise.
static uint64_t half_way_bytes(const struct growth *g, uint32_t cycle)
{
    uint32_t half = (cycle - g->since_cycle) / 2 / g->stride;
    return half ? g->mark[half - 1] : g->first_bytes;
}

static void take_record(struct growth *g, uint32_t cycle, uint64_t now_ns)
{
    uint64_t before = growth_bytes(g), more = g->settled_bytes - g->best_bytes;
    g->best_bytes = g->settled_bytes;
    g->best_generations = (uint8_t)generations(g);
    g->record_cycle = cycle;
    g->record_ns = now_ns;
    g->idle_walks = 0;
    g->records++;
    g->steps += more <= before / 2;
}

static bool keeps_growing(const struct growth *g, uint32_t cycle)
{
    return g->best_bytes - half_way_bytes(g, cycle) >= growth_bytes(g) / 4;
}

static bool is_suspect(const struct growth *g, uint32_t cycle)
{
    return g->steps >= GROWTH_STEPS && g->record_ns - g->since_ns >= RISE_LEAST_NS &&
           g->record_cycle - g->since_cycle >= 2 * g->longest_fallen && keeps_growing(g, cycle);
}

// --- ends (G3) --------------------------------------------------------------------------------------------------

static bool has_fallen(const struct growth *g)
{
    return g->records && (generations(g) < (unsigned)(g->best_generations - g->best_generations / 4) ||
                          g->settled_bytes < g->first_bytes + growth_bytes(g) / 2);
}

static bool is_plateau(const struct growth *g, uint32_t cycle)
{
    uint32_t usual = (g->record_cycle - g->since_cycle) / (g->records + 1) + (1u << g->shift);
    return g->idle_walks > PATIENCE && cycle - g->record_cycle > PATIENCE * usual;
}

static enum growth_news end(struct growth *g, uint32_t cycle, uint64_t now_ns)
{
    bool was = g->suspect;
    begin(g, cycle, now_ns);
    return was ? GROWTH_ENDED : GROWTH_NOTHING;
}

static enum growth_news news(struct growth *g, uint32_t cycle)
{
    bool was = g->suspect;
    g->suspect = is_suspect(g, cycle);
    if (!g->suspect)
        return was ? GROWTH_ENDED : GROWTH_NOTHING;
    if (was && growth_bytes(g) / 2 < g->told_bytes)
        return GROWTH_NOTHING;
    g->told_bytes = growth_bytes(g);
    return was ? GROWTH_DOUBLED : GROWTH_BEGAN;
}

enum growth_news growth_look(struct growth *g, uint32_t cycle, uint64_t now_ns)
{
    if (!g->since_ns || cycle < g->since_cycle) // a forked child counts anew
        return end(g, cycle, now_ns);
    if (has_fallen(g)) {
        uint32_t lasted = g->record_cycle - g->since_cycle;
        g->longest_fallen = lasted > g->longest_fallen ? lasted : g->longest_fallen;
        return end(g, cycle, now_ns);
    }
    if (generations(g) > g->best_generations && g->settled_bytes > g->best_bytes)
        take_record(g, cycle, now_ns);
    else if (g->idle_walks < UINT8_MAX)
        g->idle_walks++;
    if (is_plateau(g, cycle))
        return end(g, cycle, now_ns);
    keep_marks(g, cycle);
    return news(g, cycle);
}
