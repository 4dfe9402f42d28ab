#include "leak/dominator.h"

// Neighbours in one array, node by node: those of n are list[start[n]] to list[start[n + 1]].
struct adjacency {
    uint32_t *start, *list;
};

struct work {
    uint32_t nodes;
    struct adjacency successors, predecessors;
    uint32_t *number; // in the order; DOMINATOR_NONE: not reached
    uint32_t *stack, *next;
    uint64_t steps;
};

enum { ARRAYS = 5 }; // of a number for each node, besides the adjacencies

size_t dominators_room(uint32_t nodes, size_t edges)
{
    return sizeof(uint32_t) * (ARRAYS * (size_t)nodes + 2 * ((size_t)nodes + 2 + edges));
}

static uint32_t *carve(uint32_t **memory, size_t count)
{
    uint32_t *start = *memory;
    *memory += count;
    return start;
}

// Counting sort of the edges by one end. While it runs the list of n begins at start[n + 1], in the end at start[n].
static void sort_edges(struct adjacency *a, uint32_t nodes, const struct flow_edge *edges, size_t count,
                       bool reversed)
{
    for (size_t i = 0; i < count; i++)
        a->start[(reversed ? edges[i].to : edges[i].from) + 2]++;
    for (uint32_t n = 0; n < nodes; n++)
        a->start[n + 2] += a->start[n + 1];
    for (size_t i = 0; i < count; i++)
        a->list[a->start[(reversed ? edges[i].to : edges[i].from) + 1]++] = reversed ? edges[i].from
                                                                                     : edges[i].to;
}

// The postorder from the entry, from the end of the order on.
static void walk(struct work *w, struct dominators *d)
{
    uint32_t depth = 0, place = w->nodes;
    w->stack[depth++] = 0;
    w->next[0] = w->successors.start[0];
    w->number[0] = 0;
    while (depth) {
        uint32_t node = w->stack[depth - 1];
        if (w->next[node] == w->successors.start[node + 1]) {
            d->order[--place] = node;
            depth--;
            continue;
        }
        uint32_t to = w->successors.list[w->next[node]++];
        if (w->number[to] == DOMINATOR_NONE) {
            w->number[to] = 0;
            w->next[to] = w->successors.start[to];
            w->stack[depth++] = to;
        }
    }
    d->reached = w->nodes - place;
    for (uint32_t i = 0; i < d->reached; i++) {
        d->order[i] = d->order[place + i];
        w->number[d->order[i]] = i;
    }
}

// The first dominator that both have.
static uint32_t intersect(struct work *w, const struct dominators *d, uint32_t a, uint32_t b)
{
    for (; a != b; w->steps++)
        if (w->number[a] > w->number[b])
            a = d->immediate[a];
        else
            b = d->immediate[b];
    return a;
}

static bool improve(struct work *w, struct dominators *d, uint32_t node)
{
    uint32_t now = DOMINATOR_NONE;
    const uint32_t *from = w->predecessors.list + w->predecessors.start[node],
                   *end = w->predecessors.list + w->predecessors.start[node + 1];
    for (; from < end; from++)
        if (d->immediate[*from] != DOMINATOR_NONE)
            now = now == DOMINATOR_NONE ? *from : intersect(w, d, *from, now);
    w->steps += w->predecessors.start[node + 1] - w->predecessors.start[node];
    bool changed = d->immediate[node] != now;
    d->immediate[node] = now;
    return changed;
}

bool dominators_find(uint32_t nodes, const struct flow_edge *edges, size_t count, void *memory,
                     struct dominators *out)
{
    uint32_t *at = memory;
    struct work w = {.nodes = nodes};
    *out = (struct dominators){.nodes = nodes, .immediate = carve(&at, nodes), .order = carve(&at, nodes)};
    w.number = carve(&at, nodes);
    w.stack = carve(&at, nodes);
    w.next = carve(&at, nodes);
    w.successors = (struct adjacency){carve(&at, (size_t)nodes + 2), carve(&at, count)};
    w.predecessors = (struct adjacency){carve(&at, (size_t)nodes + 2), carve(&at, count)};
    for (uint32_t n = 0; n < nodes; n++)
        out->immediate[n] = w.number[n] = DOMINATOR_NONE;
    sort_edges(&w.successors, nodes, edges, count, false);
    sort_edges(&w.predecessors, nodes, edges, count, true);
    walk(&w, out);
    out->immediate[0] = 0;
    for (bool changed = true; changed && w.steps < DOMINATOR_STEPS_MOST;) {
        changed = false;
        for (uint32_t i = 1; i < out->reached && w.steps < DOMINATOR_STEPS_MOST; i++)
            changed |= improve(&w, out, out->order[i]);
    }
    return w.steps < DOMINATOR_STEPS_MOST;
}

void dominators_sum(const struct dominators *d, uint64_t *sums)
{
    for (uint32_t i = d->reached; i-- > 1;)
        sums[d->immediate[d->order[i]]] += sums[d->order[i]];
}
