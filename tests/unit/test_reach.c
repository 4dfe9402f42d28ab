// leak/reach.h, leak/path.h, leak/retain.h: walks over heaps that are graphs known in full, against the definitions.
#include "base/clock.h"
#include "base/log.h"
#include "gc/scan.h"
#include "leak/path.h"
#include "leak/reach.h"
#include "leak/site.h"
#include "world/procfd.h"

#include "unit.h"
#include "upcalls.h"

#include <pthread.h>
#include <string.h>

enum { NODES = 60, WORDS = 4, ROOTS = 3, GRAPHS = 300, NOWHERE = NODES + 1, LARGE = 300000 };

// Blocks of several sizes, as graph and in the heap: the words at these offsets refer to other blocks.
static struct {
    uintptr_t *words;
    size_t bytes;
    unsigned to[WORDS];
    size_t at[WORDS];
} nodes[NODES];
static uintptr_t roots[ROOTS];
static unsigned root_to[ROOTS];

static uintptr_t base_of(unsigned node) { return (uintptr_t)nodes[node].words; }

static size_t size_of(unsigned node)
{
    static const size_t sizes[] = {40, 200, 5000, LARGE};
    return sizes[node % 16 == 15 ? 3 : node % 3];
}

// Pointers also lead into blocks, and carry tags.
static uintptr_t pointer_to(unsigned node)
{
    uintptr_t inside = next_random() % 2 ? 0 : next_random() % nodes[node].bytes;
    return (base_of(node) + inside) | (next_random() % 4 ? 0 : 0x5aUL << 56);
}

static void link_nodes(unsigned from, unsigned word, unsigned to)
{
    nodes[from].to[word] = to;
    nodes[from].at[word] = (nodes[from].bytes / WORDS * word) & ~7UL;
    nodes[from].words[nodes[from].at[word] / 8] = pointer_to(to);
}

static void make_nodes(void)
{
    ck_assert(heap_boot());
    scan_boot(4);
    cache_self.state = CACHE_LIVE;
    for (unsigned n = 0; n < NODES; n++) {
        nodes[n].bytes = size_of(n);
        nodes[n].words = heap_alloc_slow(nodes[n].bytes, true, false);
        ck_assert_ptr_nonnull(nodes[n].words);
    }
}

static void make_graph(unsigned density)
{
    for (unsigned n = 0; n < NODES; n++) {
        memset(nodes[n].words, 0, nodes[n].bytes);
        for (unsigned w = 0; w < WORDS; w++) {
            nodes[n].to[w] = NOWHERE;
            if (next_random() % 16 < density)
                link_nodes(n, w, (unsigned)(next_random() % NODES));
        }
    }
    for (unsigned r = 0; r < ROOTS; r++) {
        root_to[r] = (unsigned)(next_random() % NODES);
        roots[r] = pointer_to(root_to[r]);
    }
}

// Steps to each node from these roots, NOWHERE when there is no way.
static void measure(unsigned first_root, unsigned end_root, unsigned distance[NODES])
{
    for (unsigned n = 0; n < NODES; n++)
        distance[n] = NOWHERE;
    for (unsigned r = first_root; r < end_root; r++)
        distance[root_to[r]] = 1;
    for (bool more = true; more;) {
        more = false;
        for (unsigned n = 0; n < NODES; n++)
            for (unsigned w = 0; distance[n] != NOWHERE && w < WORDS; w++)
                if (nodes[n].to[w] != NOWHERE && distance[nodes[n].to[w]] > distance[n] + 1) {
                    distance[nodes[n].to[w]] = distance[n] + 1;
                    more = true;
                }
    }
}

static void walk_all(void)
{
    while (!reach_step(0)) // the shortest steps there are
        ;
    ck_assert_ptr_null(reach_problem());
}

// Without addresses: to read roots again takes a descriptor of the collector's. The numbers of threads tell them apart.
static void begin(enum reach_root_kind of_the_last)
{
    ck_assert_ptr_null(reach_begin(NULL));
    for (unsigned r = ROOTS; r-- > 0;) // the last is offered first
        reach_take(r + 1 < ROOTS ? REACH_MAPPING : of_the_last, (pid_t)r + 1, &roots[r], 8, 0);
}

static unsigned node_at(uintptr_t base)
{
    unsigned n = 0;
    while (n < NODES && base_of(n) != base)
        n++;
    return n;
}

// Every step leads to the next; alike ones were put together.
static void check_steps(const struct path *p, unsigned target)
{
    uint64_t blocks = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct path_step *s = &p->steps[i];
        blocks += s->blocks;
        ck_assert_uint_lt(node_at(s->base), NODES);
        if (i + 1 == p->count || s->blocks > 1)
            continue;
        uintptr_t word = *(const uintptr_t *)(s->base + s->offset);
        ck_assert_uint_eq(heap_find(word & SCAN_UNTAGGED).base, p->steps[i + 1].base);
    }
    ck_assert_uint_eq(blocks + p->left_out, p->blocks);
    ck_assert_uint_eq(p->steps[p->count - 1].base, base_of(target));
    ck_assert_uint_eq(p->steps[p->count - 1].offset, PATH_ENDS);
}

START_TEST(paths_are_the_shortest_there_are)
{
    unsigned distance[NODES];
    struct path path;
    random_state = (uint64_t)_i + 1;
    make_nodes();
    for (int graph = 0; graph < GRAPHS; graph++) {
        make_graph(1 + (unsigned)graph % 8);
        measure(0, ROOTS, distance);
        begin(REACH_MAPPING);
        walk_all();
        for (unsigned n = 0; n < NODES; n++) {
            ck_assert_int_eq(path_to(base_of(n), &path), distance[n] == NOWHERE ? PATH_NONE : PATH_FOUND);
            if (distance[n] == NOWHERE)
                continue;
            ck_assert_uint_eq(path.blocks, distance[n]);
            check_steps(&path, n);
            ck_assert_uint_eq(path.steps[0].base, base_of(root_to[path.root.tid - 1]));
        }
    }
    reach_end();
}
END_TEST

// R1: who can be reached otherwise has no path from a stack, although the stack was there first, and its path is shorter.
START_TEST(stacks_come_last)
{
    unsigned globals[NODES], all[NODES];
    struct path path;
    random_state = (uint64_t)_i + 1;
    make_nodes();
    for (int graph = 0; graph < GRAPHS; graph++) {
        make_graph(1 + (unsigned)graph % 8);
        measure(0, ROOTS - 1, globals);
        measure(0, ROOTS, all);
        begin(_i % 2 ? REACH_STACK : REACH_REGISTERS);
        walk_all();
        for (unsigned n = 0; n < NODES; n++) {
            ck_assert_int_eq(path_to(base_of(n), &path), all[n] == NOWHERE ? PATH_NONE : PATH_FOUND);
            if (all[n] == NOWHERE)
                continue;
            bool from_stack = path.root.kind != REACH_MAPPING;
            ck_assert(from_stack == (globals[n] == NOWHERE));
            ck_assert_int_eq(path.root.tid == ROOTS, from_stack);
            ck_assert(from_stack || path.blocks == globals[n]);
        }
    }
    reach_end();
}
END_TEST

// A1.
START_TEST(what_has_changed_is_not_told)
{
    struct path path;
    make_nodes();
    make_graph(0);
    roots[0] = base_of(0), roots[1] = roots[2] = 0;
    link_nodes(0, 0, 1), link_nodes(1, 2, 2);
    begin(REACH_MAPPING);
    walk_all();
    ck_assert_int_eq(path_to(base_of(2), &path), PATH_FOUND);
    ck_assert_uint_eq(path.steps[1].offset, nodes[1].at[2]);
    nodes[1].words[nodes[1].at[2] / 8] = 0;
    ck_assert_int_eq(path_to(base_of(2), &path), PATH_MOVED);
    ck_assert_int_eq(path_to(base_of(1), &path), PATH_FOUND);
    heap_free_slow(nodes[2].words);
    cache_flush(&cache_self);
    ck_assert_int_eq(path_to(base_of(2), &path), PATH_NONE);
    reach_end();
    ck_assert_int_eq(path_to(base_of(1), &path), PATH_NONE);
}
END_TEST

// In a thread, whose descriptors are its own then: 0 when all is as it should be.
static void *change_a_root(void *result)
{
    struct path path;
    int *failed = result, error = !procfd_open(true);
    reach_begin(NULL);
    reach_take(REACH_MAPPING, 0, roots, sizeof roots, (uintptr_t)roots);
    while (!reach_step(0))
        ;
    error |= (path_to(base_of(1), &path) != PATH_FOUND) << 1;
    error |= (path.root.address != (uintptr_t)&roots[2]) << 2;
    roots[2] = base_of(0);
    error |= (path_to(base_of(1), &path) != PATH_MOVED) << 3;
    reach_end();
    *failed = error;
    return NULL;
}

START_TEST(a_root_that_has_changed_is_not_told)
{
    pthread_t thread;
    int failed = -1;
    make_nodes();
    make_graph(0);
    roots[0] = 0, roots[1] = base_of(0), roots[2] = base_of(1) + 3;
    ck_assert_int_eq(pthread_create(&thread, NULL, change_a_root, &failed), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(failed, 0);
}
END_TEST

// A2: a list is one step; what is never alike is cut in the middle.
START_TEST(long_ways_are_short_to_tell)
{
    enum { LENGTH = 5000 };
    static uintptr_t *chain[LENGTH];
    struct path path;
    make_nodes();
    for (unsigned i = 0; i < LENGTH; i++) {
        size_t offset = _i ? i % 2 : 1;
        chain[i] = heap_alloc_slow(40, true, false);
        if (i)
            chain[i - 1][_i ? !offset : offset] = (uintptr_t)chain[i];
    }
    roots[0] = (uintptr_t)chain[0];
    ck_assert_ptr_null(reach_begin(NULL));
    reach_take(REACH_MAPPING, 0, roots, 8, 0);
    walk_all();
    ck_assert_int_eq(path_to((uintptr_t)chain[LENGTH - 1], &path), PATH_FOUND);
    ck_assert_uint_eq(path.blocks, LENGTH);
    ck_assert_uint_eq(path.count, _i ? PATH_STEPS : 2);
    ck_assert_uint_eq(path.left_out, _i ? LENGTH - PATH_STEPS : 0);
    ck_assert_uint_eq(path.steps[0].base, (uintptr_t)chain[0]);
    ck_assert_uint_eq(path.steps[PATH_FIRST - 1].base, _i ? (uintptr_t)chain[PATH_FIRST - 1] : 0);
    ck_assert_uint_eq(path.steps[path.count - 1].base, (uintptr_t)chain[LENGTH - 1]);
    reach_end();
}
END_TEST

static unsigned edges, news;

static void count_edge(const struct heap_block *from, const struct heap_block *to, bool is_new)
{
    ck_assert(!from || from->base != to->base);
    edges++;
    news += is_new;
}

// Each pointer that can be reached is told of once, but those of a block to itself.
START_TEST(every_edge_is_seen)
{
    unsigned distance[NODES], expected = 0, blocks = 0;
    make_nodes();
    make_graph(5);
    measure(0, ROOTS, distance);
    for (unsigned n = 0; n < NODES; n++) {
        blocks += distance[n] != NOWHERE;
        for (unsigned w = 0; distance[n] != NOWHERE && w < WORDS; w++)
            expected += nodes[n].to[w] != NOWHERE && nodes[n].to[w] != n;
    }
    ck_assert_ptr_null(reach_begin(count_edge));
    reach_take(REACH_MAPPING, 0, roots, sizeof roots, 0);
    walk_all();
    ck_assert_uint_eq(edges, expected + ROOTS);
    ck_assert_uint_eq(news, blocks);
    ck_assert_uint_eq(reach_counted().blocks, blocks);
    reach_end();
}
END_TEST

// --- strictly (R6) --------------------------------------------------------------------------------------------------

static enum reach_hold hold_by[NODES][WORDS], root_hold[ROOTS], met_as[NODES];
static bool met[NODES];

static void note_met(const struct heap_block *b, enum reach_hold how)
{
    unsigned n = node_at(b->base);
    ck_assert(n < NODES && !met[n]);
    met[n] = true;
    met_as[n] = how;
}

// A word at this place, and what it is to the node.
static enum reach_hold write_word(char *at, unsigned node)
{
    enum reach_hold hold = (enum reach_hold)(next_random() % 3);
    uintptr_t tag = next_random() % 4 ? 0 : 0x5aUL << 56;
    uintptr_t word = (base_of(node) +
                      (hold == HELD_INSIDE ? 1 + next_random() % (nodes[node].bytes - 1) : 0)) |
                     tag;
    memcpy(at + (hold == HELD_UNALIGNED ? 4 : 0), &word, sizeof word);
    return hold;
}

static void make_mixed_graph(unsigned density)
{
    make_graph(0);
    for (unsigned n = 0; n < NODES; n++)
        for (unsigned w = 0; w < WORDS; w += nodes[n].bytes < 100 ? 2 : 1) // an unaligned word has 12 bytes
            if (next_random() % 16 < density) {
                unsigned to = (unsigned)(next_random() % NODES);
                link_nodes(n, w, to);
                nodes[n].words[nodes[n].at[w] / 8] = 0;
                hold_by[n][w] = to == n ? HELD_FIRMLY
                                        : write_word((char *)nodes[n].words + nodes[n].at[w], to);
            }
}

// Who can be reached from these roots, by firm words alone or by all.
static void close_over(bool firmly, unsigned root_count, bool reached[NODES])
{
    memset(reached, 0, NODES * sizeof reached[0]);
    for (unsigned r = 0; r < root_count; r++)
        reached[root_to[r]] |= !firmly || root_hold[r] == HELD_FIRMLY;
    for (bool more = true; more;) {
        more = false;
        for (unsigned n = 0; n < NODES; n++)
            for (unsigned w = 0; reached[n] && w < WORDS; w++)
                if (nodes[n].to[w] != NOWHERE && !reached[nodes[n].to[w]] &&
                    (!firmly || hold_by[n][w] == HELD_FIRMLY))
                    more = reached[nodes[n].to[w]] = true;
    }
}

// Whether something that was met holds the node so; or a root does.
static bool is_held(unsigned node, enum reach_hold how, const bool firm[NODES])
{
    enum reach_hold word = how == HELD_THROUGH ? HELD_FIRMLY : how;
    for (unsigned r = 0; r < ROOTS; r++)
        if (root_to[r] == node && root_hold[r] == how)
            return true;
    for (unsigned n = 0; n < NODES; n++)
        for (unsigned w = 0; met[n] && w < WORDS; w++)
            if (nodes[n].to[w] == node && hold_by[n][w] == word && (how != HELD_THROUGH || !firm[n]))
                return true;
    return false;
}

static void walk_strictly(void)
{
    static uintptr_t words[ROOTS][2];
    memset(words, 0, sizeof words);
    memset(met, 0, sizeof met);
    ck_assert_ptr_null(reach_begin_strictly(note_met));
    for (unsigned r = ROOTS; r-- > 0;) {
        root_hold[r] = write_word((char *)words[r], root_to[r]);
        root_hold[r] = r + 1 == ROOTS ? HELD_BY_STACK : root_hold[r];
        reach_take(r + 1 == ROOTS ? REACH_STACK
                   : r            ? REACH_MAPPING
                                  : REACH_THREAD,
                   0, words[r], sizeof words[r], 0);
    }
    walk_all();
}

START_TEST(what_is_held_firmly_comes_first)
{
    bool firm[NODES], all[NODES];
    unsigned seen[HELD_THROUGH + 1] = {0};
    random_state = (uint64_t)_i + 1;
    make_nodes();
    for (int graph = 0; graph < GRAPHS; graph++) {
        make_mixed_graph(1 + (unsigned)graph % 8);
        walk_strictly();
        close_over(true, ROOTS - 1, firm);
        close_over(false, ROOTS, all);
        for (unsigned n = 0; n < NODES; n++) {
            ck_assert(met[n] == all[n]);
            if (!met[n])
                continue;
            ck_assert((met_as[n] == HELD_FIRMLY) == firm[n]);
            ck_assert(is_held(n, met_as[n], firm));
            seen[met_as[n]]++;
        }
    }
    for (unsigned how = 0; how <= HELD_THROUGH; how++)
        ck_assert_uint_gt(seen[how], 0);
    reach_end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reach");
    TCase *tcase = tcase_create("reach");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, paths_are_the_shortest_there_are, 0, 4);
    tcase_add_loop_test(tcase, stacks_come_last, 0, 4);
    tcase_add_test(tcase, what_has_changed_is_not_told);
    tcase_add_test(tcase, a_root_that_has_changed_is_not_told);
    tcase_add_loop_test(tcase, long_ways_are_short_to_tell, 0, 2);
    tcase_add_test(tcase, every_edge_is_seen);
    tcase_add_loop_test(tcase, what_is_held_firmly_comes_first, 0, 4);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
