#include "leak/retain.h"

#include "base/meta.h"
#include "leak/dominator.h"
#include "leak/hunt.h"
#include "leak/reach.h"
#include "leak/site.h"

#include <string.h>

static uint32_t *nodes; // per site, 0: none yet; that of site 0 is for blocks without a note
static uint64_t *sums;  // per node: its own bytes, in the end what it retains
static uint32_t sites, node_end;
static struct {
    struct flow_edge *table; // by hash; from and to are never both 0 (no edge leads to the entry)
    uint32_t count, room;
    struct flow_edge last; // pointers of one kind come in rows
} edges;
static const char *problem;
static bool known;

enum { FIRST_ROOM = 4096 };

static void drop_edges(void)
{
    meta_drop(&edges.table, edges.room * sizeof edges.table[0]);
    memset(&edges, 0, sizeof edges);
}

void retain_end(void)
{
    reach_end();
    drop_edges();
    known = false;
    meta_drop(&nodes, sites * sizeof nodes[0]);
    meta_drop(&sums, (sites + 1) * sizeof sums[0]);
}

// --- the graph ----------------------------------------------------------------------------------------------------

static struct flow_edge *place_of(struct flow_edge edge)
{
    uint64_t hash = ((uint64_t)edge.from << 32 | edge.to) * 0x9e3779b97f4a7c15;
    for (uint32_t at = (uint32_t)(hash >> 40) % edges.room;; at = (at + 1) % edges.room) {
        struct flow_edge *place = &edges.table[at];
        if (!place->to || (place->to == edge.to && place->from == edge.from))
            return place;
    }
}

static bool grow(void)
{
    struct flow_edge *old = edges.table;
    uint32_t before = edges.room, room = before ? 2 * before : FIRST_ROOM;
    struct flow_edge *table = room <= 2 * RETAIN_EDGES_MOST ? meta_map(room * sizeof table[0]) : NULL;
    if (!table)
        return false;
    edges.table = table;
    edges.room = room;
    for (uint32_t i = 0; i < before; i++)
        if (old[i].to)
            *place_of(old[i]) = old[i];
    meta_drop(&old, before * sizeof old[0]);
    return true;
}

static void add_edge(struct flow_edge edge)
{
    if (edges.count >= edges.room / 2 && !grow()) {
        problem = "there is no memory for the graph of all sites";
        return;
    }
    struct flow_edge *place = place_of(edge);
    edges.count += !place->to;
    *place = edges.last = edge;
}

static uint32_t node_of(const struct heap_block *b)
{
    const struct note *note = note_of(b);
    uint32_t site = note ? atomic_load(&note->site) : 0;
    uint32_t *node = &nodes[site < sites ? site : 0];
    if (!*node)
        *node = node_end++;
    return *node;
}

static void see_edge(const struct heap_block *from, const struct heap_block *to, bool is_new)
{
    struct flow_edge edge = {from ? node_of(from) : 0, node_of(to)};
    if (is_new)
        sums[edge.to] += note_bytes(to);
    if (edge.from != edge.to && (edge.from != edges.last.from || edge.to != edges.last.to) && !problem)
        add_edge(edge);
}

// --- what it says -------------------------------------------------------------------------------------------------

// The edges to the front of their table.
static size_t gather(void)
{
    size_t count = 0;
    for (uint32_t i = 0; i < edges.room; i++)
        if (edges.table[i].to)
            edges.table[count++] = edges.table[i];
    return count;
}

static void judge(void)
{
    struct dominators found;
    size_t count = gather(), room = dominators_room(node_end, count);
    void *memory = meta_map(room);
    if (!memory)
        problem = "there is no memory for the graph of all sites";
    else if (!dominators_find(node_end, edges.table, count, memory, &found))
        problem = "the graph of all sites is too tangled";
    else
        dominators_sum(&found, sums);
    meta_drop(&memory, room);
    known = !problem;
}

const char *retain_begin(void)
{
    retain_end();
    if (!hunting)
        return "what sites retain is known when every allocation is noted: start the program with "
               "GCPRE_LEAKS=cycle";
    problem = NULL;
    sites = sites_end();
    node_end = 1;
    nodes = meta_map(sites * sizeof nodes[0]);
    sums = meta_map((sites + 1) * sizeof sums[0]); // the entry, and all sites
    problem = nodes && sums ? reach_begin(see_edge) : "there is no memory for the graph of all sites";
    if (problem)
        retain_end();
    return problem;
}

bool retain_step(uint64_t until_ns)
{
    if (!problem && !reach_step(until_ns))
        return false;
    problem = problem ? problem : reach_problem();
    reach_end();
    if (!problem)
        judge();
    drop_edges();
    return true;
}

const char *retain_problem(void) { return problem; }

bool retain_within(uint64_t cpu_ns)
{
    if (reach_is_under_way())
        return false;
    if (retain_begin() || reach_take_world() || !reach_step_for(cpu_ns, retain_step) || problem)
        retain_end();
    return known;
}

bool retain_is_known(void) { return known; }

uint64_t retain_bytes(uint32_t site) { return known && site < sites && nodes[site] ? sums[nodes[site]] : 0; }
