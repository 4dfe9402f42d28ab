// Trees: dropped whole, cut in the middle, freed at the root only, and trees whose nodes also point upwards.

#include "leaks.h"

struct tree {
    struct tree *left, *right, *parent;
    char *name;
    long value;
};

static struct tree *kept, *moved;

static struct tree *grow(int depth, bool upwards)
{
    if (depth == 0)
        return NULL;
    struct tree *tree = malloc(sizeof *tree); // alloc: grow
    *tree = (struct tree){.value = depth};
    tree->left = grow(depth - 1, upwards);
    tree->right = grow(depth - 1, upwards);
    if (upwards && depth > 1)
        tree->left->parent = tree->right->parent = tree;
    return tree;
}

static long sum(const struct tree *tree)
{
    return tree ? tree->value + sum(tree->left) + sum(tree->right) : 0;
}

static void fell(struct tree *tree)
{
    if (!tree)
        return;
    fell(tree->left);
    fell(tree->right);
    free(tree);
}

// case: tree_dropped  direct 1 40 grow  indirect 14 560 grow
static OPAQUE void tree_dropped(bool leak)
{
    struct tree *root = grow(4, false);
    printf("sum %ld\n", sum(root));
    if (!leak)
        fell(root);
}

// Every node leads to every other: one of them, the first allocated, has to stand for all. Clean: a leaf is enough.
// case: parents_dropped  direct 1 40 grow  indirect 6 240 grow
static OPAQUE void parents_dropped(bool leak)
{
    struct tree *root = grow(3, true);
    printf("sum %ld\n", sum(root));
    kept = leak ? NULL : root->left->right;
    used(&kept);
}

// case: root_freed  direct 2 80 grow  indirect 4 160 grow
static OPAQUE void root_freed(bool leak)
{
    struct tree *root = grow(3, false);
    printf("sum %ld\n", sum(root));
    if (leak)
        free(root);
    else
        fell(root);
}

// case: subtree_cut  direct 1 40 grow  indirect 6 240 grow
static OPAQUE void subtree_cut(bool leak)
{
    kept = grow(4, false);
    used(&kept);
    moved = leak ? NULL : kept->right;
    used(&moved);
    kept->right = NULL;
    printf("left %ld\n", sum(kept));
}

static OPAQUE void name_all(struct tree *tree)
{
    char name[16];
    snprintf(name, sizeof name, "node %ld", tree->value);
    tree->name = strdup(name); // alloc: name_all
    if (tree->left)
        name_all(tree->left);
    if (tree->right)
        name_all(tree->right);
}

static OPAQUE void free_names(struct tree *tree)
{
    if (!tree)
        return;
    free_names(tree->left);
    free_names(tree->right);
    free(tree->name);
}

// case: names_forgotten  direct 7 49 name_all
static OPAQUE void names_forgotten(bool leak)
{
    struct tree *root = grow(3, false);
    name_all(root);
    puts(root->left->name);
    if (!leak)
        free_names(root);
    fell(root);
}

// The loss hides behind another: the tree's nodes are direct or indirect, the names always indirect.
// case: named_tree_dropped  direct 1 40 grow  indirect 2 80 grow  indirect 3 21 name_all
static OPAQUE void named_tree_dropped(bool leak)
{
    kept = grow(2, false);
    name_all(kept);
    puts(kept->right->name);
    if (leak)
        kept = NULL;
    used(&kept);
}

static const struct leak_case cases[] = {
    {"tree_dropped", tree_dropped},
    {"parents_dropped", parents_dropped},
    {"root_freed", root_freed},
    {"subtree_cut", subtree_cut},
    {"names_forgotten", names_forgotten},
    {"named_tree_dropped", named_tree_dropped},
    {NULL, NULL},
};

int main(int argc, char **argv) { return run_case(cases, argc, argv); }
