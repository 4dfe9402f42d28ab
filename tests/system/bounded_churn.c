// A program that never frees: a list of 32 MB is replaced all the time, 500 MB in total. Its peak stays below three times the list.
// env: GCPRE_STRESS=0 GCPRE_VERIFY=0
#include "check.h"

enum { SIZE = 500, LIVE = (32 << 20) / SIZE, TOTAL = (500 << 20) / SIZE };
struct node {
    struct node *next;
    size_t number;
    char payload[SIZE - 16];
};

int main(void)
{
    struct node *first = NULL, **last = &first;
    for (size_t i = 0; i < TOTAL; i++) {
        struct node *node = (struct node *)malloc(sizeof *node);
        node->next = NULL, node->number = i;
        memset(node->payload, (int)i, sizeof node->payload);
        *last = node, last = &node->next;
        if (i >= LIVE) first = first->next;
    }
    size_t expected = TOTAL - LIVE;
    for (struct node *node = first; node; node = node->next, expected++)
        CHECK(node->number == expected && node->payload[SIZE - 17] == (char)expected, "node %zu", expected);
    CHECK(expected == TOTAL);
    if (gcpre_available()) CHECK(status_of("VmHWM:") < 3 * 32 << 10, "peak of %ld kB", status_of("VmHWM:"));
}
