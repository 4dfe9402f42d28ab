// Lists: the head lost, the head freed, the tail cut off, rings, intrusive and XOR links, queues.

#include "leaks.h"
#include <stddef.h>
#include <stdint.h>

struct node {
    struct node *next, *prev;
    long value;
    char text[8];
};

static struct node *kept;

static struct node *push(struct node *head, long value)
{
    struct node *node = malloc(sizeof *node); // alloc: push
    *node = (struct node){.next = head, .value = value, .text = "node"};
    return node;
}

static OPAQUE struct node *list_of(int count)
{
    struct node *head = NULL;
    for (int i = 0; i < count; i++)
        head = push(head, i);
    return head;
}

static OPAQUE void free_list(struct node *head)
{
    while (head) {
        struct node *next = head->next;
        free(head);
        head = next;
    }
}

// case: head_overwritten  direct 1 32 push  indirect 9 288 push
static OPAQUE void head_overwritten(bool leak)
{
    kept = list_of(10);
    used(&kept);
    if (leak)
        kept = NULL;
}

// case: head_freed  direct 1 32 push  indirect 8 256 push
static OPAQUE void head_freed(bool leak)
{
    struct node *head = list_of(10);
    printf("first %ld\n", head->value);
    if (leak)
        free(head);
    else
        free_list(head);
}

// case: tail_cut  direct 1 32 push  indirect 5 160 push
static OPAQUE void tail_cut(bool leak)
{
    kept = list_of(10);
    used(&kept);
    struct node *last = kept->next->next->next;
    if (!leak)
        free_list(last->next);
    last->next = NULL;
}

// A ring of nodes leaves the list it hung on: they hold each other, nothing holds them.
// case: ring_removed  direct 1 32 push  indirect 3 96 push
static OPAQUE void ring_removed(bool leak)
{
    struct node *ring = list_of(4);
    struct node *last = ring;
    for (struct node *n = ring; n->next; n = last = n->next)
        n->next->prev = n;
    last->next = ring;
    ring->prev = last;
    kept = push(ring, 99);
    used(&kept);
    printf("round %ld\n", kept->next->prev->next->value);
    if (leak)
        kept->next = NULL;
}

struct link {
    struct link *next, *prev;
};

struct item {
    char text[24];
    struct link link;
};

static struct link anchor = {&anchor, &anchor};

static OPAQUE struct link *add_item(struct link *list, const char *text)
{
    struct item *item = malloc(sizeof *item); // alloc: add_item
    snprintf(item->text, sizeof item->text, "%s", text);
    item->link = (struct link){list->next, list};
    list->next->prev = &item->link;
    list->next = &item->link;
    return &item->link;
}

// The links point into the middle of the items, as list_head does in the kernel.
// case: intrusive_dropped  direct 1 40 add_item  indirect 2 80 add_item
static OPAQUE void intrusive_dropped(bool leak)
{
    add_item(&anchor, "one");
    add_item(&anchor, "two");
    add_item(&anchor, "three");
    puts(((struct item *)((char *)anchor.next - offsetof(struct item, link)))->text);
    if (leak) { // the anchor is initialised anew, the chain is not closed behind it
        anchor.next->prev = anchor.prev->next = NULL;
        anchor = (struct link){&anchor, &anchor};
    }
    used(&anchor);
}

struct xor_node {
    uintptr_t link; // the neighbours' addresses, one XOR the other
    long value;
};

static struct xor_node *all[5];

static OPAQUE void xor_list(struct xor_node **nodes)
{
    for (int i = 0; i < 5; i++) {
        nodes[i] = malloc(sizeof *nodes[i]); // alloc: xor_list
        nodes[i]->value = i;
    }
    for (int i = 0; i < 5; i++)
        nodes[i]->link = (uintptr_t)(i > 0 ? nodes[i - 1] : NULL) ^ (uintptr_t)(i < 4 ? nodes[i + 1] : NULL);
}

// Only the two ends hold a neighbour's plain address: the second and the fourth hang on the first and the fifth.
// case: xor_dropped  direct 3 48 xor_list  indirect 2 32 xor_list
static OPAQUE void xor_dropped(bool leak)
{
    xor_list(all);
    used(all);
    if (leak)
        memset(all, 0, sizeof all);
}

// Taken from the queue, looked at, forgotten.
// case: queue_drained  direct 6 192 push
static OPAQUE void queue_drained(bool leak)
{
    kept = list_of(6);
    used(&kept);
    long sum = 0;
    while (kept) {
        struct node *taken = kept;
        kept = taken->next;
        taken->next = NULL;
        sum += taken->value;
        if (!leak)
            free(taken);
    }
    printf("sum %ld\n", sum);
}

static const struct leak_case cases[] = {
    {"head_overwritten", head_overwritten},
    {"head_freed", head_freed},
    {"tail_cut", tail_cut},
    {"ring_removed", ring_removed},
    {"intrusive_dropped", intrusive_dropped},
    {"xor_dropped", xor_dropped},
    {"queue_drained", queue_drained},
    {NULL, NULL},
};

int main(int argc, char **argv) { return run_case(cases, argc, argv); }
