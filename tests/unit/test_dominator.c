// leak/dominator.h: against the definition, on graphs of every kind.
#include "leak/dominator.h"

#include "unit.h"

#include <string.h>

enum { NODES = 24, EDGES = 80, GRAPHS = 4000 };

static struct flow_edge edges[EDGES];
static size_t count;
static uint32_t nodes;

static void begin(uint32_t size)
{
    nodes = size;
    count = 0;
}

static void edge(uint32_t from, uint32_t to) { edges[count++] = (struct flow_edge){from, to}; }

static struct dominators find(void)
{
    static uint32_t memory[10 * (NODES + 2) + 2 * EDGES];
    struct dominators found;
    ck_assert_uint_le(dominators_room(nodes, count), sizeof memory);
    memset(memory, 0, sizeof memory);
    ck_assert(dominators_find(nodes, edges, count, memory, &found));
    return found;
}

// Which nodes can be reached when one is not there (nodes: all are).
static void flood(uint32_t without, bool reached[NODES])
{
    memset(reached, 0, NODES * sizeof reached[0]);
    reached[0] = without != 0;
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < count; i++)
            if (reached[edges[i].from] && !reached[edges[i].to] && edges[i].to != without)
                more = reached[edges[i].to] = true;
    }
}

static bool dominates(const struct dominators *d, uint32_t a, uint32_t b)
{
    while (b != a && b != 0)
        b = d->immediate[b];
    return a == b;
}

// Whoever cannot be reached without a is dominated by a, and nobody else.
static void check(const struct dominators *d, uint64_t sums[NODES])
{
    bool all[NODES], rest[NODES];
    uint32_t reached = 0;
    flood(nodes, all);
    for (uint32_t a = 0; a < nodes; a++) {
        uint64_t expected = 0;
        reached += all[a];
        ck_assert(all[a] == (d->immediate[a] != DOMINATOR_NONE));
        flood(a, rest);
        for (uint32_t b = 0; all[a] && b < nodes; b++) {
            bool needs = all[b] && (!rest[b] || a == b);
            expected += needs ? 1UL << b : 0;
            ck_assert(!all[b] || dominates(d, a, b) == needs);
        }
        ck_assert(!all[a] || sums[a] == expected);
    }
    ck_assert_uint_eq(d->reached, reached);
}

static void find_and_check(void)
{
    uint64_t sums[NODES];
    struct dominators d = find();
    for (uint32_t n = 0; n < nodes; n++)
        sums[n] = 1UL << n;
    dominators_sum(&d, sums);
    check(&d, sums);
    for (uint32_t i = 1, before = 0; i < d.reached; i++, before = 0) { // B2
        while (before < i && d.order[before] != d.immediate[d.order[i]])
            before++;
        ck_assert_uint_lt(before, i);
    }
}

START_TEST(an_entry_alone)
{
    begin(1);
    find_and_check();
    edge(0, 0);
    find_and_check();
}
END_TEST

// Cooper, Harvey, Kennedy, figure 2: an irreducible graph.
START_TEST(the_graph_of_the_paper)
{
    static const uint32_t expected[] = {0, 0, 0, 0, 0, 0};
    begin(6);
    edge(0, 4), edge(0, 5), edge(5, 1), edge(4, 2), edge(4, 3), edge(1, 2), edge(2, 1), edge(2, 3),
        edge(3, 2);
    find_and_check();
    struct dominators d = find();
    ck_assert(memcmp(d.immediate, expected, sizeof expected) == 0);
}
END_TEST

START_TEST(graphs_at_random)
{
    random_state = (uint64_t)_i + 1;
    for (int graph = 0; graph < GRAPHS; graph++) {
        begin(1 + (uint32_t)(next_random() % NODES));
        size_t wanted = next_random() % (EDGES + 1);
        while (count < wanted)
            edge((uint32_t)(next_random() % nodes), (uint32_t)(next_random() % nodes));
        find_and_check();
    }
}
END_TEST

// Long chains with ways back: the ladder that takes the algorithm most passes.
START_TEST(chains_with_ways_back)
{
    for (uint32_t size = 2; size <= NODES; size++) {
        begin(size);
        for (uint32_t n = 0; n + 1 < size; n++)
            edge(n, n + 1), edge(n + 1, n), edge(0, size - 1 - n);
        find_and_check();
    }
}
END_TEST

// B3: nodes that the beginning and the end of a long chain lead to, each of which walks along all of it.
START_TEST(it_gives_up)
{
    enum { LENGTH = 4000, ALL = 2 * LENGTH };
    static struct flow_edge chain[3 * LENGTH];
    static uint32_t memory[10 * (ALL + 2) + 6 * LENGTH];
    struct dominators found;
    size_t links = 0;
    for (uint32_t n = 0; n + 1 < LENGTH; n++) {
        chain[links++] = (struct flow_edge){n, n + 1};
        chain[links++] = (struct flow_edge){1, LENGTH + n};
        chain[links++] = (struct flow_edge){LENGTH - 1, LENGTH + n};
    }
    ck_assert_uint_le(dominators_room(ALL, links), sizeof memory);
    ck_assert(!dominators_find(ALL, chain, links, memory, &found));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dominator");
    TCase *tcase = tcase_create("dominator");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, an_entry_alone);
    tcase_add_test(tcase, the_graph_of_the_paper);
    tcase_add_loop_test(tcase, graphs_at_random, 0, 4);
    tcase_add_test(tcase, chains_with_ways_back);
    tcase_add_test(tcase, it_gives_up);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
