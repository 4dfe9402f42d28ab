/* trees: binary trees of many depths, counted and forgotten, beside one that lives throughout. */
#include "heap.h"

enum { DEPTH_MIN = 4 };

struct node { struct node *left, *right; };

static long depth_max, threads;
static struct node *long_lived;

static struct node *tree_new(long depth)
{
    struct node *n = new_pointers(sizeof *n);
    n->left = depth > 0 ? tree_new(depth - 1) : NULL;
    n->right = depth > 0 ? tree_new(depth - 1) : NULL;
    return n;
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

static uint64_t tree_check(const struct node *tree, long depth)
{
    uint64_t count = tree_count(tree), expected = (2UL << depth) - 1;
    if (count != expected)
        fail("a tree of depth %ld has %lu nodes instead of %lu", depth, count, expected);
    return count;
}

static uint64_t tree_run(long depth)
{
    struct node *tree = tree_new(depth);
    uint64_t count = tree_check(tree, depth);
    tree_drop(tree);
    return count;
}

/* This thread's share of the trees of each depth: the smaller, the more. */
static void *work(void *argument)
{
    struct worker *w = argument;
    for (long depth = DEPTH_MIN; depth <= depth_max; depth += 2) {
        long trees = scaled(1L << (depth_max - depth + DEPTH_MIN));
        for (long i = w->id; i < trees; i += threads)
            w->sum = w->sum + tree_run(depth) * (depth + 1);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    heap_options(argc, argv);
    depth_max = option("depth", 18, "depth of the deepest trees");
    threads = option("threads", 1, "threads that share the work");
    heap_begin();

    tree_run(depth_max + 1);
    long_lived = tree_new(depth_max);
    uint64_t sum = run_workers(threads, work);
    sum += tree_check(long_lived, depth_max);
    tree_drop(long_lived);
    heap_end();
    result_checksum(sum);
}
