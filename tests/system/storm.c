// A random graph that three threads mutate without pause while a fourth collects: the strongest test of soundness.
// timeout: 180
//
// Every node carries its number, a canary that depends on it at its end, and a table of edges in a block of its own; an edge
// is a pointer (some interior) and the number of the node that must be found there. A node reclaimed too early is overwritten
// or has another number. Threads walk and rewrite the shared graph from its roots, hold edges on their stacks, move edge
// tables by realloc, and free some private nodes by hand. Argument: thousands of steps for each thread.
#include "check.h"

enum { MUTATORS = 3, ROOTS = 64, HELD = 12, MAX_EDGES = 6, WALK = 12, INTERIOR = 8 };

struct node;
struct edge {
    char *target;  // the node, or INTERIOR bytes into it
    uint64_t number;
};
struct node {
    uint64_t number, size;
    int lock, count;
    struct edge *edges;
    char payload[];  // ends in the canary
};

static struct edge roots[ROOTS];
static int root_locks[ROOTS];
static uint64_t last_number;
static unsigned long steps;

static __thread uint64_t random_state;
static unsigned pick(unsigned below)
{
    random_state ^= random_state << 13, random_state ^= random_state >> 7, random_state ^= random_state << 17;
    return (unsigned)(random_state >> 20) % below;
}

static uint64_t canary_of(uint64_t number) { return (number * 0x9e3779b97f4a7c15) | (uint64_t)0x8000 << 32; }
static uint64_t *canary_at(struct node *node) { return (uint64_t *)(node->payload + node->size) - 1; }
static void lock(int *word) { while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE)) sched_yield(); }
static void unlock(int *word) { __atomic_store_n(word, 0, __ATOMIC_RELEASE); }

/* Follows an edge and proves that the right, whole node is there. */
static struct node *follow(struct edge edge)
{
    if (!edge.target) return NULL;
    struct node *node = (struct node *)((uintptr_t)edge.target & ~(uintptr_t)(INTERIOR | 7));
    CHECK(is_allocated(hide(node)), "node %lu was reclaimed", edge.number);
    CHECK(node->number == edge.number, "node %lu became %lu", edge.number, node->number);
    CHECK(node->size % 8 == 0 && node->size >= 8 && node->size <= 1 << 17, "node %lu: size %lu", edge.number, node->size);
    CHECK(*canary_at(node) == canary_of(edge.number), "node %lu: canary", edge.number);
    CHECK(node->count > 0 && node->count <= MAX_EDGES, "node %lu: count", edge.number);
    return node;
}

static struct edge new_node(void)
{
    uint64_t size = pick(200) ? 8 + 8 * pick(40) : 8 + 8 * pick(8000);
    struct node *node = (struct node *)malloc(sizeof *node + size);
    *node = (struct node){.number = ADD(last_number, 1), .size = size, .count = 1 + (int)pick(3)};
    *canary_at(node) = canary_of(node->number);
    node->edges = (struct edge *)calloc((size_t)node->count, sizeof *node->edges);
    return (struct edge){(char *)node + (pick(4) ? 0 : INTERIOR), node->number};
}

static void free_node(struct edge edge)
{
    struct node *node = follow(edge);
    free(node->edges);
    free(node);
}

static struct edge read_edge(struct edge *where, int *word)
{
    lock(word);
    struct edge edge = *where;
    unlock(word);
    return edge;
}
static void write_edge(struct edge *where, int *word, struct edge edge)
{
    lock(word);
    *where = edge;
    unlock(word);
}

/* A random reachable node, some steps away from a root; may be none. */
static struct edge walk(void)
{
    unsigned root = pick(ROOTS);
    struct edge here = read_edge(&roots[root], &root_locks[root]);
    for (unsigned left = pick(WALK); left && here.target; left--) {
        struct node *node = follow(here);
        lock(&node->lock);
        CHECK(is_allocated(hide(node->edges)), "the edges of node %lu were reclaimed", here.number);
        struct edge next = node->edges[pick((unsigned)node->count)];
        unlock(&node->lock);
        if (!next.target) break;
        here = next;
    }
    follow(here);
    return here;
}

static void attach(struct edge edge)
{
    struct edge parent = walk();
    unsigned root = pick(ROOTS);
    if (!parent.target || !pick(8)) {
        write_edge(&roots[root], &root_locks[root], edge);
        return;
    }
    struct node *node = follow(parent);
    lock(&node->lock);
    node->edges[pick((unsigned)node->count)] = edge;
    unlock(&node->lock);
}

static void grow_edges(void)
{
    struct edge edge = walk();
    if (!edge.target) return;
    struct node *node = follow(edge);
    lock(&node->lock);
    if (node->count < MAX_EDGES) {
        struct edge *table = (struct edge *)realloc(node->edges, ((size_t)node->count + 1) * sizeof *table);
        table[node->count] = (struct edge){NULL, 0};
        node->edges = table;
        node->count++;
    }
    unlock(&node->lock);
}

static void step(struct edge held[HELD])
{
    struct edge none = {NULL, 0};
    switch (pick(16)) {
    case 0 ... 4: attach(new_node()); break;
    case 5: free_node(new_node()); break;
    case 6 ... 7: held[pick(HELD)] = walk(); break;
    case 8: held[pick(HELD)] = new_node(); break;
    case 9 ... 10: follow(held[pick(HELD)]); break;
    case 11 ... 12: attach(held[pick(HELD)]); break;
    case 13: grow_edges(); break;
    case 14: attach(walk()); break;
    case 15: attach(none); break;
    }
}

static void *mutate(void *seed)
{
    struct edge held[HELD] = {{NULL, 0}};
    random_state = 88172645463325252ULL + (uintptr_t)seed * 7919;
    for (unsigned long i = 0; i < steps; i++) step(held);
    for (size_t i = 0; i < HELD; i++) follow(held[i]);
    return NULL;
}

int main(int argc, char **argv)
{
    steps = 1000 * (argc > 1 ? strtoul(argv[1], NULL, 10) : 100);
    pthread_t mutators[MUTATORS];
    collector_start();
    for (size_t i = 0; i < MUTATORS; i++) mutators[i] = start(mutate, (void *)i);
    for (size_t i = 0; i < MUTATORS; i++) join(mutators[i]);
    collector_stop_kept();  // nodes have every size
    random_state = 4711;
    for (int i = 0; i < 10000; i++) walk();
    memset(roots, 0, sizeof roots);
    herd_lose(&lost, 1000, 100);
    drop_and_collect();
    herd_check_gone(&lost);
}
