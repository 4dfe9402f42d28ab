#include "leak/way.h"

#include "base/clock.h"
#include "base/meta.h"
#include "leak/json.h"
#include "leak/module.h"
#include "leak/report.h"
#include "leak/site.h"

#include <assert.h>

// --- a way as records ---------------------------------------------------------------------------------------------

static_assert(PATH_BLOCKS_MOST == 100000, "as is said here");
static const char *const problems[] = {
    [PATH_MOVED] = "the program keeps changing the way to it: ask again",
    [PATH_TOO_LONG] = "the way to it is too long to be told: more than 100000 blocks",
    [PATH_NO_MEMORY] = "there is no memory for so long a way"};

static const char *const kinds[] = {
    [REACH_MAPPING] = "mapping",     [REACH_KERNEL] = "kernel", [REACH_POOL] = "pool",
    [REACH_PROTECTED] = "protected", [REACH_THREAD] = "thread", [REACH_STACK] = "stack",
    [REACH_REGISTERS] = "registers"};

static void put_root(const struct reach_root *root, uint16_t module)
{
    json_open("root", '{');
    json_string("kind", module ? "global" : kinds[root->kind]);
    if (root->tid)
        json_number("tid", (uint64_t)root->tid);
    if (root->address)
        json_hex("address", root->address);
    if (module) {
        json_number("module", module);
        json_number("offset", root->address - module_get(module)->base);
    }
    json_close('}');
}

static void put_step(const struct path_step *s)
{
    if (s->site)
        report_put_site(site_get(s->site));
    json_begin("step");
    json_hex("base", s->base);
    json_number("bytes", s->bytes);
    if (s->site)
        json_number("site", report_number_of(site_get(s->site)));
    if (s->offset != PATH_ENDS)
        json_number("offset", s->offset);
    json_number("blocks", s->blocks);
    report_put_end();
}

static void begin_record(const struct way *w, bool found)
{
    struct reach_count count = reach_counted();
    json_begin("path");
    if (w->site)
        json_number("site", report_number_of(site_get(w->site)));
    json_hex("base", w->base);
    json_bool("found", found);
    json_number("took_ns", clock_ns() - w->begun_ns);
    json_number("looked_blocks", count.blocks);
    json_number("looked_bytes", count.bytes);
}

static void put_found(const struct way *w, const struct path *p)
{
    uint16_t module = p->root.kind == REACH_MAPPING ? module_at(p->root.address) : 0;
    report_put_module(module);
    begin_record(w, true);
    json_number("blocks", p->blocks);
    json_number("left_out", p->left_out);
    put_root(&p->root, module);
    report_put_end();
    for (size_t i = 0; i < p->count; i++)
        put_step(&p->steps[i]);
}

void way_put(const struct way *w, enum path_result result, const struct path *found, const char *problem)
{
    if (w->site)
        report_put_site(site_get(w->site));
    if (result == PATH_FOUND) {
        put_found(w, found);
        return;
    }
    begin_record(w, false);
    if (problem || problems[result])
        json_string("problem", problem ? problem : problems[result]);
    report_put_end();
}

// --- the oldest -----------------------------------------------------------------------------------------------------

void oldest_meet(struct oldest *o, uintptr_t base, const struct note *note)
{
    bool older = !o->base || note->born < o->born ||
                 (note->born == o->born && (int32_t)(note->order - o->order) < 0);
    if (older)
        *o = (struct oldest){base, note->born, note->order};
}

// --- a report's suspects (V1) ---------------------------------------------------------------------------------------

static struct suspect {
    uint32_t site;
    struct oldest oldest;
} suspects[2 * WAYS_MOST];
static uint8_t suspect_count;
static uint8_t *place_of; // by site: its place in suspects plus one; 0: it is none
static uint32_t sites;

static uint64_t grown_bytes(const struct site *s) { return s->growth.suspect ? growth_bytes(&s->growth) : 0; }

static uint64_t stale_bytes(const struct site *s) { return s->stale.bytes; }

// Adds the site that has most, of those that are not in the list. False: there is none.
static bool add_largest(uint64_t (*key)(const struct site *))
{
    uint32_t largest = 0;
    for (uint32_t id = 1; id < sites; id++)
        if (!place_of[id] && key(site_get(id)) > (largest ? key(site_get(largest)) : 0))
            largest = id;
    if (!largest)
        return false;
    suspects[suspect_count++] = (struct suspect){.site = largest};
    place_of[largest] = suspect_count;
    return true;
}

static void choose(void)
{
    suspect_count = 0;
    for (int i = 0; i < WAYS_MOST && add_largest(grown_bytes); i++)
        ;
    for (int i = 0; i < WAYS_MOST && add_largest(stale_bytes); i++)
        ;
}

static void see_block(const struct heap_block *from, const struct heap_block *to, bool is_new)
{
    const struct note *note = is_new ? note_of(to) : NULL;
    uint32_t site = note ? atomic_load(&note->site) : 0;
    (void)from;
    if (site && site < sites && place_of[site])
        oldest_meet(&suspects[place_of[site] - 1].oldest, to->base, note);
}

static void put_suspect(const struct suspect *s, uint64_t begun_ns)
{
    static struct path path;
    const struct way way = {s->oldest.base, s->site, begun_ns};
    if (way.base)
        way_put(&way, path_to(way.base, &path), &path, NULL);
}

static void walk_and_put(uint64_t cpu_ns)
{
    uint64_t begun_ns = clock_ns();
    bool done = !reach_begin(see_block) && !reach_take_world() && reach_step_for(cpu_ns, reach_step);
    for (unsigned i = 0; done && !reach_problem() && i < suspect_count; i++)
        put_suspect(&suspects[i], begun_ns);
    reach_end();
}

void ways_put_suspects(uint64_t cpu_ns)
{
    sites = sites_end();
    place_of = reach_is_under_way() ? NULL : meta_map(sites);
    if (!place_of)
        return;
    choose();
    if (suspect_count)
        walk_and_put(cpu_ns);
    meta_drop(&place_of, sites);
}
