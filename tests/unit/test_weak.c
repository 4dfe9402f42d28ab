// leak/weak.h: what is held weakly, in heaps whose pointers are all known.
#include "gc/scan.h"
#include "leak/hunt.h"
#include "leak/reach.h"
#include "leak/site.h"
#include "leak/suppress.h"
#include "leak/weak.h"

#include "unit.h"
#include "upcalls.h"

#include <string.h>

enum { BYTES = 100, FIRM = 6, ROOTS = FIRM + 4 };

static uint32_t site;
static uintptr_t roots[ROOTS], stack[1]; // words of the program's memory; of a stack
static unsigned walks;
static void (*between)(void); // before the second walk

static const char *take_roots(void)
{
    if (walks++ == 1 && between)
        between();
    reach_take(REACH_MAPPING, 0, roots, sizeof roots, 0);
    reach_take(REACH_STACK, 0, stack, sizeof stack, 0);
    return NULL;
}

static uintptr_t block(uint32_t of, uint16_t flags)
{
    void *p = heap_alloc_noted(BYTES, SLOT_GRAIN, true, false,
                               (struct note_facts){.site = of, .flags = flags});
    ck_assert_ptr_nonnull(p);
    return (uintptr_t)p;
}

static void begin(void)
{
    ck_assert(heap_boot() && sites_boot());
    scan_boot(4);
    cache_self.state = CACHE_LIVE;
    hunting = true;
    site = site_of((uintptr_t[]){100, 7}, 2);
    for (unsigned i = 0; i < FIRM; i++)
        roots[i] = block(site, 0);
    walks = 0;
}

static void age(void) { atomic_fetch_add(&heap_cycle, 2); }

static const struct weak *look(void)
{
    ck_assert_ptr_null(weak_begin(take_roots));
    while (!weak_step(0))
        ;
    ck_assert_ptr_null(weak_problem());
    return weak_of(site);
}

// A pointer into a block; one at an address that four divides; a word of a stack.
static uintptr_t plant_one_of_each(uint32_t of)
{
    uintptr_t inside = block(of, 0), unaligned = block(of, 0);
    roots[FIRM] = inside + 8;
    memcpy((char *)&roots[FIRM + 1] + 4, &unaligned, sizeof unaligned);
    stack[0] = block(of, 0);
    return inside;
}

START_TEST(one_of_each)
{
    begin();
    plant_one_of_each(site);
    age();
    const struct weak *w = look();
    ck_assert_ptr_nonnull(w);
    ck_assert_uint_eq(w->blocks, 3);
    ck_assert_uint_eq(w->bytes, 3 * BYTES);
    ck_assert(w->inside == 1 && w->unaligned == 1 && w->stack == 1);
    ck_assert_uint_eq(w->firm, FIRM);
    weak_end();
    ck_assert_ptr_null(weak_of(site));
}
END_TEST

// Held firmly too: by the block that the stack holds, and by a word with a tag.
START_TEST(clean)
{
    begin();
    uintptr_t inside = plant_one_of_each(site);
    memset(&roots[FIRM + 1], 0, 2 * sizeof roots[0]);
    roots[FIRM + 2] = inside | 0x5aUL << 56;
    roots[FIRM + 3] = stack[0];
    age();
    ck_assert_ptr_null(look());
}
END_TEST

// K1.
START_TEST(the_head_of_a_list)
{
    begin();
    uintptr_t *head = (uintptr_t *)block(site, 0), *second = (uintptr_t *)block(site, 0);
    stack[0] = (uintptr_t)head;
    head[0] = (uintptr_t)second;
    second[1] = (uintptr_t)head; // and back
    age();
    const struct weak *w = look();
    ck_assert_ptr_nonnull(w);
    ck_assert(w->blocks == 1 && w->stack == 1 && w->example == (uintptr_t)head && w->firm == FIRM);
}
END_TEST

// K2.
START_TEST(what_is_young)
{
    begin();
    age();
    plant_one_of_each(site);
    ck_assert_ptr_null(look());
}
END_TEST

static void move_away(void)
{
    roots[FIRM + 3] = stack[0];
    stack[0] = 0;
    roots[FIRM] = roots[FIRM] & ~15UL;
}

static void move_there(void)
{
    stack[0] = roots[0];
    roots[0] = 0;
}

START_TEST(what_one_walk_alone_finds)
{
    begin();
    plant_one_of_each(site);
    age();
    between = _i ? move_there : move_away;
    const struct weak *w = look();
    ck_assert_ptr_nonnull(w);
    ck_assert_uint_eq(w->stack, 0);
    ck_assert_uint_eq(w->inside, _i);
    ck_assert_uint_eq(w->unaligned, 1);
    between = NULL;
    walks = 0;
    w = look();
    ck_assert_uint_eq(w->stack, _i);
}
END_TEST

// K3.
START_TEST(held_so_on_purpose)
{
    begin();
    uint32_t other = site_of((uintptr_t[]){200, 7}, 2);
    plant_one_of_each(other);
    age();
    ck_assert_ptr_null(look());
    ck_assert_ptr_null(weak_of(other));
    for (unsigned i = 0; i < 3; i++) // as many, firmly
        roots[i] = block(other, 0);
    age();
    walks = 0;
    look();
    ck_assert_ptr_nonnull(weak_of(other));
}
END_TEST

// K4.
START_TEST(ignored_and_suppressed)
{
    static const char pattern[] = "leak:test_weak\n";
    uintptr_t here = (uintptr_t)begin; // the pattern names this program
    begin();
    plant_one_of_each(_i ? site_of((uintptr_t[]){here, here}, 2) : site);
    if (_i)
        suppress_add_text("test", pattern, strlen(pattern));
    site = _i ? site_of((uintptr_t[]){here, here}, 2) : site;
    for (unsigned i = 0; _i && i < FIRM; i++)
        roots[i] = block(site, 0);
    for (unsigned i = 0; !_i && i < 2; i++) {
        struct heap_block b = heap_find(i ? stack[0] : roots[FIRM]);
        atomic_fetch_or(&note_of(&b)->flags, NOTE_IGNORED);
    }
    age();
    const struct weak *w = look();
    ck_assert_uint_eq(w ? w->blocks : 0, !_i);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("weak");
    TCase *tcase = tcase_create("weak");
    tcase_add_test(tcase, one_of_each);
    tcase_add_test(tcase, clean);
    tcase_add_test(tcase, the_head_of_a_list);
    tcase_add_test(tcase, what_is_young);
    tcase_add_loop_test(tcase, what_one_walk_alone_finds, 0, 2);
    tcase_add_test(tcase, held_so_on_purpose);
    tcase_add_loop_test(tcase, ignored_and_suppressed, 0, 2);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
