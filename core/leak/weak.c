#include "leak/weak.h"

#include "base/meta.h"
#include "leak/finding.h"
#include "leak/growth.h"
#include "leak/hunt.h"
#include "leak/reach.h"
#include "leak/site.h"

enum { WALKS = 2 };

static struct weak *table; // per site
static uint32_t sites, cycle;
static const char *(*take_roots)(void);
static unsigned walk; // the first is 1
static const char *problem;
static bool known;

void weak_end(void)
{
    if (table)
        reach_end();
    known = false;
    meta_drop(&table, sites * sizeof table[0]);
}

// What the walk before found, and what this one does (K2).
static bool was_weak(struct note *note, bool is_weak)
{
    bool was = atomic_load(&note->flags) & NOTE_WEAK;
    if (is_weak && !was)
        atomic_fetch_or(&note->flags, NOTE_WEAK);
    else if (was && !is_weak)
        atomic_fetch_and(&note->flags, (uint16_t)~NOTE_WEAK);
    return was;
}

static void count(struct weak *w, const struct heap_block *b, enum reach_hold how)
{
    uint64_t *const kinds[] = {
        [HELD_INSIDE] = &w->inside, [HELD_UNALIGNED] = &w->unaligned, [HELD_BY_STACK] = &w->stack};
    w->blocks++;
    w->bytes += note_bytes(b);
    w->example = w->example ? w->example : b->base;
    ++*kinds[how];
}

static bool is_told_of(const struct note *note, uint32_t site)
{
    return site && site < sites && cycle - note->born >= GROWTH_YOUNG &&
           !(atomic_load(&note->flags) & (NOTE_LOST | NOTE_NO_LEAK)) && !finding_suppression(site_get(site));
}

static void see(const struct heap_block *b, enum reach_hold how)
{
    struct note *note = note_of(b);
    uint32_t site = note ? atomic_load(&note->site) : 0;
    if (!note || !is_told_of(note, site))
        return;
    bool is_weak = how != HELD_FIRMLY && how != HELD_THROUGH, was = was_weak(note, is_weak);
    if (walk == WALKS && how == HELD_FIRMLY)
        table[site].firm++;
    else if (walk == WALKS && is_weak && was)
        count(&table[site], b, how);
}

static bool begin_walk(void)
{
    walk++;
    problem = reach_begin_strictly(see);
    if (!problem)
        problem = take_roots();
    return !problem;
}

const char *weak_begin(const char *(*roots)(void))
{
    weak_end();
    take_roots = roots;
    if (!hunting)
        return "what is held weakly is known when every allocation is noted: start the program with "
               "GCPRE_LEAKS=cycle";
    sites = sites_end();
    cycle = atomic_load(&heap_cycle);
    walk = 0;
    table = meta_map(sites * sizeof table[0]);
    problem = table ? NULL : "there is no memory to count what is held weakly";
    if (problem || !begin_walk())
        weak_end();
    return problem;
}

bool weak_step(uint64_t until_ns)
{
    while (!problem && reach_step(until_ns)) {
        problem = reach_problem();
        if (problem || walk == WALKS) {
            known = !problem;
            reach_end();
            return true;
        }
        begin_walk();
    }
    return problem;
}

const char *weak_problem(void) { return problem; }

bool weak_within(uint64_t cpu_ns)
{
    if (reach_is_under_way())
        return false;
    if (weak_begin(reach_take_world) || !reach_step_for(cpu_ns, weak_step) || problem)
        weak_end();
    return known;
}

const struct weak *weak_of(uint32_t site)
{
    const struct weak *w = known && site < sites ? &table[site] : NULL;
    return w && w->blocks && w->blocks <= w->firm ? w : NULL;
}
