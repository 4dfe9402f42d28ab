// Dominators of a flow graph: a node dominates all those that every way from the entry comes through it to.
//
// After Cooper, Harvey, Kennedy: "A Simple, Fast Dominance Algorithm" (2001).
// B1. Nodes are numbers from 0, the entry, on. Edges may repeat, and lead from a node to itself.
// B2. The order is a reverse postorder of a depth-first walk: each node but the entry comes behind its immediate dominator.
// B3. The algorithm is quadratic at worst; it gives up when it has taken more than DOMINATOR_STEPS_MOST.
// Pure functions.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOMINATOR_NONE       UINT32_MAX
#define DOMINATOR_STEPS_MOST (1UL << 23)

struct flow_edge {
    uint32_t from, to;
};

struct dominators {
    uint32_t nodes, reached;
    uint32_t *immediate; // per node; of the entry itself, of unreachable ones DOMINATOR_NONE
    uint32_t *order;     // those that can be reached
};

// Bytes of memory that dominators_find wants.
size_t dominators_room(uint32_t nodes, size_t edges);
// memory: 4-byte aligned, and zeros; the result lies in it. False: it gave up.
bool dominators_find(uint32_t nodes, const struct flow_edge *edges, size_t count, void *memory,
                     struct dominators *out);
// Adds to what each node has what all nodes that it dominates have.
void dominators_sum(const struct dominators *d, uint64_t *sums);
