/* garbage: trees of so many MiB live on, and small trees are built and forgotten as fast as can be. What a memory limit below what
 * lives costs. */
#include "heap.h"

enum { KEPT_DEPTH = 10, DEPTH = 6 };

struct tree {
    struct tree *left, *right;
    char rest[112];
};

static struct tree *tree_new(int depth)
{
    struct tree *t = new_pointers(sizeof *t);
    memset(t->rest, depth, sizeof t->rest);
    t->left = depth ? tree_new(depth - 1) : NULL;
    t->right = depth ? tree_new(depth - 1) : NULL;
    return t;
}

static uint64_t tree_end(struct tree *t)
{
    uint64_t nodes = t ? 1 + tree_end(t->left) + tree_end(t->right) : 0;
    if (t && t->rest[0] != t->rest[sizeof t->rest - 1])
        fail("a node is broken");
    if (t)
        drop(t);
    return nodes;
}

int main(int argc, char **argv)
{
    heap_options(argc, argv);
    uint64_t live_mib = option("live", 256, "MiB that live on");
    long trees = scaled(option("trees", 1000000, "trees built and forgotten"));
    heap_begin();
    uint64_t count = (live_mib << 20) / (sizeof(struct tree) * ((2 << KEPT_DEPTH) - 1)), sum = 0;
    struct tree **kept = new_table(count, sizeof *kept);
    for (uint64_t i = 0; i < count; i++)
        kept[i] = tree_new(KEPT_DEPTH);
    while (trees-- > 0)
        sum += tree_end(tree_new(DEPTH));
    for (uint64_t i = 0; i < count; i++)
        sum += tree_end(kept[i]);
    heap_end();
    result_checksum(sum);
}
