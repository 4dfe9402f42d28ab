// Losses in loops: every round, some rounds, two places by turns, growing sizes; and in the depth of recursion.

#include "leaks.h"

static char *last;

static OPAQUE long visit(int round, size_t size, bool leak)
{
    long *copy = malloc(size); // alloc: visit
    copy[0] = round;
    used(copy);
    long seen = copy[0];
    if (!leak)
        free(copy);
    return seen;
}

// case: every_round  direct 1000 64000 visit
static OPAQUE void every_round(bool leak)
{
    long sum = 0;
    for (int i = 0; i < 1000; i++)
        sum += visit(i, 64, leak);
    printf("sum %ld\n", sum);
}

// Sizes from 8 to 800, of many size classes, from one place.
// case: growing_sizes  direct 100 40400 visit
static OPAQUE void growing_sizes(bool leak)
{
    long sum = 0;
    for (int i = 1; i <= 100; i++)
        sum += visit(i, 8 * i, leak);
    printf("sum %ld\n", sum);
}

// case: by_turns  direct 10 160 alternate  direct 10 480 alternate.odd
static OPAQUE long alternate(int round, bool leak)
{
    long *copy;
    if (round % 2)
        copy = calloc(6, sizeof *copy); // alloc: alternate.odd
    else
        copy = calloc(2, sizeof *copy); // alloc: alternate
    copy[1] = round;
    used(copy);
    long seen = copy[1];
    if (!leak)
        free(copy);
    return seen;
}

static OPAQUE void by_turns(bool leak)
{
    long sum = 0;
    for (int i = 0; i < 20; i++)
        sum += alternate(i, leak);
    printf("sum %ld\n", sum);
}

// Each round forgets the block of the round before; the last is kept.
// case: all_but_the_last  direct 49 2450 remember
static OPAQUE void remember(int round, bool leak)
{
    used(&last);
    if (!leak)
        free(last);
    last = malloc(50); // alloc: remember
    snprintf(last, 50, "round %d", round);
}

static OPAQUE void all_but_the_last(bool leak)
{
    for (int i = 0; i < 50; i++)
        remember(i, leak);
    puts(last);
}

// One place, reached over many depths of stack.
// case: deep_recursion  direct 60 1920 recurse
static OPAQUE long recurse(int depth, bool leak)
{
    long *here = malloc(32); // alloc: recurse
    *here = depth;
    used(here);
    long sum = *here + (depth > 1 ? recurse(depth - 1, leak) : 0);
    if (!leak)
        free(here);
    return sum;
}

static OPAQUE void deep_recursion(bool leak) { printf("sum %ld\n", recurse(60, leak)); }

// Most of what is allocated is freed, between a loss and the next.
// case: among_much_churn  direct 5 500 churn.lost
static OPAQUE void churn(bool leak)
{
    for (int i = 0; i < 5; i++) {
        for (int j = 0; j < 2000; j++) {
            char *brief = malloc(16 + j % 500); // alloc: churn
            used(brief);
            free(brief);
        }
        char *lost = malloc(100); // alloc: churn.lost
        memset(lost, i, 100);
        used(lost);
        if (!leak)
            free(lost);
    }
}

static const struct leak_case cases[] = {
    {"every_round", every_round},
    {"growing_sizes", growing_sizes},
    {"by_turns", by_turns},
    {"all_but_the_last", all_but_the_last},
    {"deep_recursion", deep_recursion},
    {"among_much_churn", churn},
    {NULL, NULL},
};

int main(int argc, char **argv) { return run_case(cases, argc, argv); }
