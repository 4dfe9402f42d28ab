// Runs a model of a protocol in every possible order.
//
// A model is a world of plain bytes without pointers, padding or time, and some actors; an actor's step is one atomic operation.
// A step that changes nothing is an actor that waits, or has finished. Memory is sequentially consistent.
#pragma once

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct model {
    const char *name;
    size_t world_bytes;
    unsigned actors;
    int (*step)(void *world, unsigned actor); // the violation it leads to, or 0
    int (*at_rest)(const void *world);        // the same of a world in which nobody moves any more
};

enum { MODEL_INDEX_SIZE = 1 << 22, MODEL_MOST_WORLDS = 3 << 20, MODEL_MOST_BYTES = 256 };

struct model_run {
    const struct model *model;
    uint8_t *worlds; // every one that was reached, in the order of reaching
    uint32_t *seen;  // hash table of their numbers + 1
    size_t count;
};

static inline uint64_t model_hash(const uint8_t *world, size_t bytes)
{
    uint64_t h = 14695981039346656037u; // FNV-1a
    for (size_t i = 0; i < bytes; i++)
        h = (h ^ world[i]) * 1099511628211u;
    return h ^ h >> 29;
}

static inline void model_reach(struct model_run *run, const uint8_t *world)
{
    size_t bytes = run->model->world_bytes, at = model_hash(world, bytes) % MODEL_INDEX_SIZE;
    for (; run->seen[at]; at = (at + 1) % MODEL_INDEX_SIZE)
        if (memcmp(run->worlds + (run->seen[at] - 1) * bytes, world, bytes) == 0)
            return;
    if (run->count == MODEL_MOST_WORLDS)
        ck_abort_msg("%s: too many worlds", run->model->name);
    memcpy(run->worlds + run->count * bytes, world, bytes);
    run->seen[at] = (uint32_t)++run->count;
}

// All that can follow from a world.
static inline int model_expand(struct model_run *run, size_t from)
{
    const struct model *m = run->model;
    uint8_t world[MODEL_MOST_BYTES];
    bool moved = false;
    for (unsigned i = 0; i < m->actors; i++) {
        memcpy(world, run->worlds + from * m->world_bytes, m->world_bytes);
        int violation = m->step(world, i);
        if (violation)
            return violation;
        if (memcmp(world, run->worlds + from * m->world_bytes, m->world_bytes) == 0)
            continue;
        moved = true;
        model_reach(run, world);
    }
    return moved ? 0 : m->at_rest(run->worlds + from * m->world_bytes);
}

// The first violation found, or 0; *count is how many worlds there were.
static inline int model_explore(const struct model *m, const void *first, size_t *count)
{
    struct model_run run = {m, malloc(MODEL_MOST_WORLDS * m->world_bytes),
                            calloc(MODEL_INDEX_SIZE, sizeof(uint32_t)), 0};
    int found = 0;
    ck_assert(run.worlds && run.seen && m->world_bytes <= MODEL_MOST_BYTES);
    model_reach(&run, first);
    for (size_t i = 0; i < run.count && !found; i++)
        found = model_expand(&run, i);
    *count = run.count;
    free(run.worlds);
    free(run.seen);
    return found;
}
