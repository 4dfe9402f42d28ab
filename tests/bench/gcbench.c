/* gcbench: the shape of a well-known collector benchmark. The heap is stretched by a big tree that
 * goes at once; a smaller one and an array of numbers then live to the end, while trees of all
 * depths are built from the top down and from the bottom up and forgotten. */
#include "heap.h"

enum { DEPTH_MIN = 4, DEPTH_STEP = 2, NUMBERS = 500000 };

struct node { struct node *left, *right; int first, second; };

static struct node *long_lived;
static double *numbers;

static uint64_t nodes_of(long depth)
{
    return (2UL << depth) - 1;
}

static struct node *node_new(struct node *left, struct node *right)
{
    struct node *n = new_pointers(sizeof *n);
    *n = (struct node){ left, right, 0, 0 };
    return n;
}

static void populate(struct node *n, long depth)
{
    if (depth == 0)
        return;
    n->left = node_new(NULL, NULL);
    n->right = node_new(NULL, NULL);
    populate(n->left, depth - 1);
    populate(n->right, depth - 1);
}

static struct node *top_down(long depth)
{
    struct node *root = node_new(NULL, NULL);
    populate(root, depth);
    return root;
}

static struct node *bottom_up(long depth)
{
    if (depth == 0)
        return node_new(NULL, NULL);
    struct node *left = bottom_up(depth - 1);
    return node_new(left, bottom_up(depth - 1));
}

static uint64_t tree_count(const struct node *n)
{
    return n ? 1 + tree_count(n->left) + tree_count(n->right) : 0;
}

static void tree_drop(struct node *n)
{
    if (!heap.frees || !n)
        return;
    tree_drop(n->left);
    tree_drop(n->right);
    drop(n);
}

/* Looks only at the edge of the tree: here the making is what counts. */
static uint64_t height_of(struct node *tree)
{
    uint64_t height = 0;
    for (const struct node *n = tree; n->left; n = height % 2 ? n->left : n->right)
        height++;
    tree_drop(tree);
    return height;
}

static uint64_t build_many(long depth, long stretch)
{
    uint64_t heights = 0, trees = scaled(4 * nodes_of(stretch) / nodes_of(depth));
    for (uint64_t i = 0; i < trees; i++)
        heights += height_of(top_down(depth)) + height_of(bottom_up(depth));
    if (heights != 2 * trees * depth)
        fail("trees of depth %ld have a height of %g", depth, (double)heights / (2 * trees));
    return heights;
}

static uint64_t check_long_lived(long depth)
{
    uint64_t count = tree_count(long_lived);
    if (count != nodes_of(depth))
        fail("the long-lived tree has %lu nodes", count);
    for (int i = 1; i < NUMBERS; i++)
        if (numbers[i] != 1.0 / i)
            fail("number %d is %g", i, numbers[i]);
    return count;
}

int main(int argc, char **argv)
{
    heap_options(argc, argv);
    long deepest = option("depth", 16, "depth of the long-lived tree; the heap is stretched by 2 more");
    heap_begin();

    uint64_t sum = height_of(bottom_up(deepest + 2));
    long_lived = top_down(deepest);
    numbers = new_data(NUMBERS * sizeof *numbers);
    for (int i = 1; i < NUMBERS; i++)
        numbers[i] = 1.0 / i;
    for (long depth = DEPTH_MIN; depth <= deepest; depth += DEPTH_STEP)
        sum += build_many(depth, deepest + 2);
    sum += check_long_lived(deepest);
    tree_drop(long_lived);
    drop(numbers);
    heap_end();
    result_checksum(sum);
}
