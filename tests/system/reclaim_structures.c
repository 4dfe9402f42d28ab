// Cycles, doubly linked lists, trees, hash tables and a list of 300000 links are kept whole while reachable, and go when not.
#include "check.h"

struct node {
    struct node *left, *right;
    size_t number;
};
static struct node *root;
static struct herd samples;
static size_t made;

NOINLINE static struct node *make(struct node *left, struct node *right)
{
    struct node *node = (struct node *)malloc(sizeof *node);
    *node = (struct node){left, right, made++};
    if (made % 500 == 0 && samples.count < COUNT(samples.at)) samples.at[samples.count++] = hide(node);
    return node;
}

static void ring(void)
{
    struct node *first = make(NULL, NULL), *last = first;
    for (int i = 0; i < 50000; i++) last->right = make(last, NULL), last = last->right;
    last->right = first, first->left = last;
    root = first;
}
static void long_list(void)
{
    for (int i = 0; i < 300000; i++) root = make(root, NULL);
}
static struct node *tree_of(int depth) { return depth ? make(tree_of(depth - 1), tree_of(depth - 1)) : NULL; }
static void tree(void) { root = tree_of(16); }
static void table(void)
{
    struct node **buckets = (struct node **)calloc(4096, sizeof *buckets);
    for (size_t i = 0; i < 50000; i++) buckets[i * 7919 % 4096] = make(buckets[i * 7919 % 4096], NULL);
    root = make((struct node *)buckets, NULL);
}
static void (*const structures[])(void) = {ring, long_list, tree, table};

static void check_samples(void)
{
    for (size_t i = 0; i < samples.count; i++) {
        CHECK(is_allocated(samples.at[i]), "sample %zu", i);
        CHECK(((struct node *)unhide(samples.at[i]))->number == (i + 1) * 500 - 1, "sample %zu was overwritten", i);
    }
}

int main(void)
{
    for (size_t s = 0; s < COUNT(structures); s++) {
        samples.count = made = 0;
        structures[s]();
        drop_and_collect();
        check_samples();
        CHECK(samples.count > 90);
        root = NULL;
        drop_and_collect();
        herd_check_gone(&samples);
    }
}
