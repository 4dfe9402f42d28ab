// leak/retain.h: what sites retain, in heaps that are graphs known in full.
#include "base/clock.h"
#include "gc/scan.h"
#include "leak/hunt.h"
#include "leak/reach.h"
#include "leak/retain.h"
#include "leak/site.h"

#include "unit.h"
#include "upcalls.h"

#include <string.h>

enum { NODES = 40, WORDS = 3, SITES = 9, GRAPHS = 400, NOBODY = SITES };

static struct {
    uintptr_t *words;
    size_t bytes; // asked for
    unsigned site;
    int to[WORDS];
} nodes[NODES];
static uint32_t ids[SITES];
static uintptr_t root;

static void begin(void)
{
    ck_assert(heap_boot() && sites_boot());
    scan_boot(8);
    cache_self.state = CACHE_LIVE;
    hunting = true;
    for (uintptr_t s = 0; s < SITES; s++)
        ids[s] = site_of((uintptr_t[]){100 + s, 7}, 2);
    for (unsigned n = 0; n < NODES; n++) {
        nodes[n].site = (unsigned)(next_random() % SITES);
        nodes[n].bytes = 24 + next_random() % 3000;
        nodes[n].words = heap_alloc_noted(nodes[n].bytes, SLOT_GRAIN, true, false,
                                          (struct note_facts){.site = ids[nodes[n].site]});
        ck_assert_ptr_nonnull(nodes[n].words);
    }
}

static void make_graph(unsigned density)
{
    root = (uintptr_t)nodes[0].words;
    for (unsigned n = 0; n < NODES; n++)
        for (unsigned w = 0; w < WORDS; w++) {
            nodes[n].to[w] = next_random() % 16 < density ? (int)(next_random() % NODES) : -1;
            nodes[n].words[w] = nodes[n].to[w] < 0 ? 0 : (uintptr_t)nodes[nodes[n].to[w]].words;
        }
}

// The bytes that can be reached without going through this site.
static uint64_t left_without(unsigned site)
{
    bool reached[NODES] = {nodes[0].site != site};
    uint64_t bytes = 0;
    for (bool more = true; more;) {
        more = false;
        for (unsigned n = 0; n < NODES; n++)
            for (unsigned w = 0; reached[n] && w < WORDS; w++) {
                int to = nodes[n].to[w];
                if (to >= 0 && nodes[to].site != site && !reached[to])
                    more = reached[to] = true;
            }
    }
    for (unsigned n = 0; n < NODES; n++)
        bytes += reached[n] ? nodes[n].bytes : 0;
    return bytes;
}

// The same, where a block that is reached may go on from any block of its site that can be reached at all: what the graph of sites knows.
static uint64_t left_by_sites(unsigned site)
{
    bool alive[NODES] = {true}, reached[SITES] = {false}; // alive: by blocks
    uint64_t bytes = 0;
    reached[nodes[0].site] = nodes[0].site != site;
    for (unsigned round = 0; round < 2 * NODES; round++)
        for (unsigned n = 0; n < NODES; n++)
            for (unsigned w = 0; alive[n] && w < WORDS; w++)
                if (nodes[n].to[w] >= 0) {
                    unsigned to = nodes[nodes[n].to[w]].site;
                    alive[nodes[n].to[w]] = true;
                    reached[to] |= reached[nodes[n].site] && to != site;
                }
    for (unsigned n = 0; n < NODES; n++)
        bytes += alive[n] && reached[nodes[n].site] ? nodes[n].bytes : 0;
    return bytes;
}

static void look(void)
{
    ck_assert_ptr_null(retain_begin());
    reach_take(REACH_MAPPING, 0, &root, sizeof root, 0);
    while (!retain_step(0))
        ;
    ck_assert_ptr_null(retain_problem());
    ck_assert(retain_is_known());
}

// Y1: exactly what the graph of sites says, and never more than what would go.
START_TEST(retained_is_what_only_the_site_leads_to)
{
    random_state = (uint64_t)_i + 1;
    begin();
    for (int graph = 0; graph < GRAPHS; graph++) {
        make_graph(1 + (unsigned)graph % 9);
        look();
        uint64_t all = left_without(NOBODY);
        for (unsigned s = 0; s < SITES; s++) {
            ck_assert_uint_eq(retain_bytes(ids[s]), all - left_by_sites(s));
            ck_assert_uint_le(retain_bytes(ids[s]), all - left_without(s));
        }
    }
    retain_end();
    ck_assert(!retain_is_known());
    ck_assert_uint_eq(retain_bytes(ids[0]), 0);
}
END_TEST

// A stack refers to the inside of what a global holds; and to what nobody else does.
START_TEST(a_stack_does_not_own_what_others_do)
{
    begin();
    make_graph(0);
    unsigned inner = 1;
    while (nodes[inner].site == nodes[0].site)
        inner++;
    nodes[0].words[0] = (uintptr_t)nodes[inner].words;
    for (int owned = 0; owned < 2; owned++) {
        root = owned ? (uintptr_t)nodes[0].words : 0;
        ck_assert_ptr_null(retain_begin());
        reach_take(REACH_STACK, 1, &nodes[0].words[0], sizeof root, 0);
        reach_take(REACH_MAPPING, 0, &root, sizeof root, 0);
        while (!retain_step(0))
            ;
        ck_assert_uint_eq(retain_bytes(ids[nodes[inner].site]), nodes[inner].bytes);
        ck_assert_uint_eq(retain_bytes(ids[nodes[0].site]), owned ? nodes[0].bytes + nodes[inner].bytes : 0);
    }
    retain_end();
}
END_TEST

START_TEST(without_notes_nothing_is_known)
{
    begin();
    hunting = false;
    ck_assert_ptr_nonnull(retain_begin());
    ck_assert(!retain_is_known());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("retain");
    TCase *tcase = tcase_create("retain");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, retained_is_what_only_the_site_leads_to, 0, 4);
    tcase_add_test(tcase, a_stack_does_not_own_what_others_do);
    tcase_add_test(tcase, without_notes_nothing_is_known);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
