/* mark: how fast is a reachable heap marked? Builds nodes of 64 bytes in one of several shapes,
 * collects some times through gcpre_collect(), and then walks the shape to see that all is there.
 * Run it with GCPRE_GOGC=off, or collections happen while it builds. */
#include "heap.h"

static const char *const shapes[] =
    { "tree-random", "tree-ordered", "pointers", "list-random", "data", NULL };
enum { TREE_RANDOM, TREE_ORDERED, POINTERS, LIST_RANDOM, DATA };

struct node {
    struct node *left, *right;
    uint64_t value;
    char rest[40];
};
_Static_assert(sizeof(struct node) == 64, "what the figures are per");

enum { DATA_BYTES = 16 << 20 };

static uint64_t nodes;
static struct node *root;       /* trees and the list */
static void **table;            /* nodes, or blocks of data */

static struct node *node_new(uint64_t value)
{
    struct node *n = new_pointers(sizeof *n);
    *n = (struct node){ .value = value };
    return n;
}

/* All nodes, with values from 1 on in allocation order, in a table in random order. */
static void table_fill(void)
{
    struct rng rng = { 13 };
    table = new_table(nodes, sizeof *table);
    for (uint64_t i = 0; i < nodes; i++)
        table[i] = node_new(i + 1);
    shuffle_pointers(table, nodes, &rng);
}

static void table_drop(void)
{
    root = table[0];
    release(table);
    table = NULL;
}

static void build_tree_random(void)
{
    table_fill();
    for (uint64_t i = 0; i < nodes; i++) {
        struct node *n = table[i];
        n->left = 2 * i + 1 < nodes ? table[2 * i + 1] : NULL;
        n->right = 2 * i + 2 < nodes ? table[2 * i + 2] : NULL;
    }
    table_drop();
}

static void build_list_random(void)
{
    table_fill();
    for (uint64_t i = 0; i + 1 < nodes; i++)
        ((struct node *)table[i])->left = table[i + 1];
    table_drop();
}

static struct node *ordered(uint64_t first, uint64_t count)
{
    if (count == 0)
        return NULL;
    struct node *n = node_new(first);
    uint64_t left = (count - 1) / 2;
    n->left = ordered(first + 1, left);
    n->right = ordered(first + 1 + left, count - 1 - left);
    return n;
}

static void build_tree_ordered(void)
{
    root = ordered(1, nodes);
}

/* Blocks that hold no pointers, though the collector is not told so: it has to look. */
static void build_data(void)
{
    uint64_t blocks = nodes * sizeof(struct node) / DATA_BYTES;
    if (blocks == 0)
        blocks = 1;
    nodes = blocks * (DATA_BYTES / sizeof(struct node));
    table = new_table(blocks, sizeof *table);
    for (uint64_t i = 0; i < blocks; i++) {
        table[i] = new_pointers(DATA_BYTES);
        memset(table[i], 'a' + (int)(i % 26), DATA_BYTES);
    }
}

/* ---- the sum of all values, seen through the shape ---- */

static uint64_t sum_tree(const struct node *n)
{
    return n ? n->value + sum_tree(n->left) + sum_tree(n->right) : 0;
}

static uint64_t sum_list(const struct node *n)
{
    uint64_t sum = 0;
    for (; n; n = n->left)
        sum += n->value;
    return sum;
}

static uint64_t sum_table(void)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < nodes; i++)
        sum += ((struct node *)table[i])->value;
    return sum;
}

static uint64_t sum_data(void)
{
    uint64_t intact = 0;
    for (uint64_t i = 0; i < nodes; i++) {
        uint64_t at = i * sizeof(struct node);
        const char *block = table[at / DATA_BYTES];
        intact += block[at % DATA_BYTES] == (char)('a' + at / DATA_BYTES % 26) ? i + 1 : 0;
    }
    return intact;
}

static void build(int shape)
{
    static void (*const by_shape[])(void) =
        { build_tree_random, build_tree_ordered, table_fill, build_list_random, build_data };
    by_shape[shape]();
}

static void check(int shape)
{
    uint64_t sum = shape == DATA ? sum_data() : shape == POINTERS ? sum_table()
                 : shape == LIST_RANDOM ? sum_list(root) : sum_tree(root);
    if (sum != nodes * (nodes + 1) / 2)
        fail("the %s sums up to %lu", shapes[shape], sum);
}

int main(int argc, char **argv)
{
    heap_options(argc, argv);
    int shape = option_choice("shape", shapes,
                              "tree-random, tree-ordered, pointers, list-random, data");
    nodes = (scaled(option("mib", 1024, "MiB of nodes")) << 20) / sizeof(struct node);
    long collections = option("collections", 3, "collections that are timed");
    heap_begin();
    if (!heap_can_collect()) {
        puts("absent gcpre_collect");
        return 0;
    }

    heap_hold();
    build(shape);
    heap_unhold();
    result("nodes", (double)nodes);
    for (; collections > 0; collections--) {
        int64_t began = now_ns();
        heap_collect();
        result("collect_ms", (now_ns() - began) / 1e6);
    }
    check(shape);
    heap_end();
    result_checksum(nodes);
}
