/* churn: linked lists of random length in a table; each step walks one, forgets it and builds
 * another in its place. */
#include "heap.h"

enum { LENGTH_MAX = 200 };

struct node {
    struct node *next;
    uint64_t list, left;        /* nodes that follow */
};

static struct node **table;

static struct node *list_new(uint64_t list, uint64_t length)
{
    struct node *head = NULL;
    for (uint64_t left = 0; left < length; left++) {
        struct node *n = new_pointers(sizeof *n);
        *n = (struct node){ head, list, left };
        head = n;
    }
    return head;
}

static uint64_t list_end(struct node *n, uint64_t list)
{
    uint64_t length = n ? n->left + 1 : 0;
    for (uint64_t left = length; left > 0; left--) {
        if (!n || n->list != list || n->left != left - 1)
            fail("list %lu is broken with %lu nodes to go", list, left);
        struct node *next = n->next;
        drop(n);
        n = next;
    }
    return length * (list + 1);
}

int main(int argc, char **argv)
{
    heap_options(argc, argv);
    uint64_t lists = option("lists", 10000, "lists alive at any time");
    long steps = scaled(option("steps", 120000, "lists replaced"));
    heap_begin();

    struct rng rng = { 11 };
    uint64_t sum = 0;
    table = new_table(lists, sizeof *table);
    for (uint64_t i = 0; i < lists; i++)
        table[i] = list_new(i, rng_between(&rng, 1, LENGTH_MAX));
    while (steps-- > 0) {
        uint64_t i = rng_below(&rng, lists);
        sum += list_end(table[i], i);
        table[i] = list_new(i, rng_between(&rng, 1, LENGTH_MAX));
    }
    for (uint64_t i = 0; i < lists; i++)
        sum += list_end(table[i], i);
    drop(table);
    heap_end();
    result_checksum(sum);
}
