// A model of how threads share a span (heap/span.h, P1 to P4), run in every possible order.
//
// The model has one span, two bins and up to three actors; a step is one atomic operation, or what one lock covers and
// nobody reads without it. Memory is sequentially consistent here. Each rule is also left out once: the explorer has
// to find what then goes wrong, or it would not find anything in the rules as they are either.
#include "base/bits.h"

#include "explore.h"
#include "unit.h"

#include <string.h>

enum { WORDS = 2, SLOTS_PER_WORD = 2, SLOTS = WORDS * SLOTS_PER_WORD, BINS = 2, ACTORS = 3 };
enum { NOBODY, GARBAGE = 9 }; // owners of a slot; actor i owns as i + 1
enum state { EMPTY, CURRENT, PARTIAL, FULL };
enum epoch { SWEPT, DUE, BUSY };

enum violation {
    FINE,
    OWNED_TWICE,  // a slot was claimed that somebody has
    LIVE_SWEPT,   // the sweep freed a slot that somebody has
    FREED_TWICE,  // a slot was given back that is free already
    LIVE_RETIRED, // the span went to the pool with blocks in it
    WRONG_LIST,   // the span is on the list of another bin, or on one twice
    LOST_SPAN,    // at rest, with free slots, where nobody will look for them
    LOST_SLOT,    // at rest, neither free nor anybody's
    STUCK,        // actors wait for each other
};

// What is left out of the rules.
enum flaw {
    NONE,
    TWO_CLAIMERS,     // P1: the span stays on the list while somebody claims from it
    NO_SECOND_LOOK,   // P2: who sets FULL does not look at the bits
    NO_LOOK_AT_STATE, // P2: who sets a free bit does not look at the state
    CLAIM_UNSWEPT,    // P3
    RETIRE_UNSWEPT,   // P4
    STALE_BIN,        // whose lock it is, and the state under it, are two reads
};

enum pc {
    POP_LOCK,
    POP,
    POP_UNLOCK,
    OPEN_FREE,
    OPEN_BIN,
    OPEN_STATE,
    SWEEP_BEGIN,
    SWEEP_FREE,
    SWEEP_MARK,
    SWEEP_OR,
    SWEEP_CLEAR,
    SWEEP_END,
    CLAIM_LOAD,
    CLAIM_AND,
    RELEASE_LOCK,
    RELEASE_FULL,
    RELEASE_LOOK,
    RELEASE_PUSH,
    RELEASE_UNLOCK,
    GIVE_OR,
    AFTER_GIVE,
    GIVE_LOCK,
    GIVE_BIN,
    GIVE_STATE,
    GIVE_SWEPT,
    GIVE_LOOK,
    GIVE_ACT,
    GIVE_UNLOCK,
    FINISHED,
    PC_COUNT,
};

struct actor {
    uint8_t pc, at;         // at: in its plan
    uint8_t word, a, b;     // registers
    uint8_t any, all, dead; // what a row of looks has found
    uint8_t bin, state;     // as read
    uint8_t then;           // where the subroutine (sweep or give) goes on
};

struct world {
    uint8_t free[WORDS], mark[WORDS];
    uint8_t state, bin, epoch, pooled;
    uint8_t lock[BINS], listed[BINS];
    uint8_t owner[SLOTS]; // what the program knows, not the heap
    uint8_t violation;
    struct actor actors[ACTORS];
};

// A plan: c takes the span, claims up to two slots and releases it; f frees a slot of its own; s sweeps.
struct scenario {
    const char *name;
    const char *plans[ACTORS];
    uint8_t bins[ACTORS]; // that actors allocate from
    uint8_t owner[SLOTS]; // at first
    uint8_t mark[WORDS];
    uint8_t state, epoch;
    bool may_retire; // the bin has other spans
};

static const struct scenario *scenario;
static enum flaw flaw;

static const uint8_t valid = (1 << SLOTS_PER_WORD) - 1;

static void violate(struct world *w, enum violation what)
{
    if (w->violation == FINE)
        w->violation = (uint8_t)what;
}

static unsigned slot_of_bit(unsigned word, unsigned bits)
{
    return word * SLOTS_PER_WORD + (unsigned)__builtin_ctz(bits);
}

// --- plans --------------------------------------------------------------------------------------------------

static void next(struct world *w, struct actor *a)
{
    unsigned me = (unsigned)(a - w->actors) + 1, slot = 0;
    char what = scenario->plans[me - 1][a->at];
    *a = (struct actor){.pc = FINISHED, .at = (uint8_t)(a->at + (what != 0)), .then = FINISHED};
    if (what == 'c')
        a->pc = POP_LOCK;
    if (what == 's')
        a->pc = SWEEP_BEGIN;
    if (what != 'f')
        return;
    while (slot < SLOTS && w->owner[slot] != me)
        slot++;
    if (slot == SLOTS) {
        next(w, a);
        return;
    }
    a->pc = GIVE_OR;
    a->word = (uint8_t)(slot / SLOTS_PER_WORD);
    a->a = (uint8_t)(1 << slot % SLOTS_PER_WORD);
}

// The end of a sweep or a give: a claimer goes on to claim, for everybody else something new begins.
static void done(struct world *w, struct actor *a)
{
    if (a->then == FINISHED) {
        next(w, a);
        return;
    }
    a->pc = a->then;
    a->then = FINISHED;
    a->word = a->any = 0;
}

static bool acquire(struct world *w, struct actor *a, unsigned bin)
{
    if (w->lock[bin])
        return false;
    w->lock[bin] = (uint8_t)(a - w->actors + 1);
    a->pc++;
    return true;
}

static unsigned own_bin(struct world *w, struct actor *a) { return scenario->bins[a - w->actors]; }

static void push(struct world *w, unsigned bin)
{
    if (w->bin != bin || w->listed[bin])
        violate(w, WRONG_LIST);
    w->listed[bin] = 1;
    w->state = PARTIAL;
}

// --- span_take ------------------------------------------------------------------------------------------------

static void pop_lock(struct world *w, struct actor *a) { acquire(w, a, own_bin(w, a)); }

static void pop(struct world *w, struct actor *a)
{
    a->a = w->listed[own_bin(w, a)];
    if (a->a) {
        w->listed[own_bin(w, a)] = flaw == TWO_CLAIMERS;
        w->state = CURRENT;
    }
    a->pc = POP_UNLOCK;
}

static void pop_unlock(struct world *w, struct actor *a)
{
    w->lock[own_bin(w, a)] = 0;
    if (a->a) {
        a->pc = flaw == CLAIM_UNSWEPT ? CLAIM_LOAD : SWEEP_BEGIN;
        a->then = CLAIM_LOAD;
    } else if (w->pooled) {
        w->pooled = 0;
        a->pc = OPEN_FREE;
    } else {
        next(w, a); // there are other spans, but not in this model
    }
}

static void open_free(struct world *w, struct actor *a)
{
    w->free[0] = w->free[1] = valid;
    w->mark[0] = w->mark[1] = 0;
    a->pc = OPEN_BIN;
}

static void open_bin(struct world *w, struct actor *a)
{
    w->bin = (uint8_t)own_bin(w, a);
    a->pc = OPEN_STATE;
}

static void open_state(struct world *w, struct actor *a)
{
    w->state = CURRENT;
    w->epoch = SWEPT;
    a->pc = CLAIM_LOAD;
}

// --- span_sweep -----------------------------------------------------------------------------------------------

static void sweep_begin(struct world *w, struct actor *a)
{
    if (w->epoch == SWEPT)
        done(w, a);
    if (w->epoch != DUE)
        return; // swept, or wait for who is at it
    w->epoch = BUSY;
    a->word = a->dead = 0;
    a->any = 0;
    a->pc = SWEEP_FREE;
}

static void sweep_free(struct world *w, struct actor *a)
{
    a->a = w->free[a->word];
    a->pc = SWEEP_MARK;
}

static void sweep_mark(struct world *w, struct actor *a)
{
    a->b = ~a->a & ~w->mark[a->word] & valid;
    a->any |= ~a->a & valid & ~a->b;
    a->pc = SWEEP_OR;
}

static void sweep_or(struct world *w, struct actor *a)
{
    w->free[a->word] |= a->b;
    a->dead |= a->b;
    for (unsigned rest = a->b; rest; rest &= rest - 1) {
        uint8_t *owner = &w->owner[slot_of_bit(a->word, rest)];
        if (*owner != GARBAGE && *owner != NOBODY)
            violate(w, LIVE_SWEPT);
        *owner = NOBODY;
    }
    a->pc = SWEEP_CLEAR;
}

static void sweep_clear(struct world *w, struct actor *a)
{
    w->mark[a->word] = 0;
    a->pc = ++a->word < WORDS ? SWEEP_FREE : SWEEP_END;
}

static void sweep_end(struct world *w, struct actor *a)
{
    bool look = a->dead || !a->any;
    w->epoch = SWEPT;
    a->b = !a->any; // perhaps empty
    if (look)
        a->pc = AFTER_GIVE;
    else
        done(w, a);
}

// --- span_claim and span_release --------------------------------------------------------------------------------

static void claim_load(struct world *w, struct actor *a)
{
    uint8_t take = (uint8_t)lowest_bits(w->free[a->word], 2u - a->any);
    a->b = take != w->free[a->word];
    a->a = take;
    if (take)
        a->pc = CLAIM_AND;
    else if (++a->word == WORDS)
        a->pc = RELEASE_LOCK;
}

static void claim_and(struct world *w, struct actor *a)
{
    w->free[a->word] &= (uint8_t)~a->a;
    for (unsigned rest = a->a; rest; rest &= rest - 1, a->any++) {
        uint8_t *owner = &w->owner[slot_of_bit(a->word, rest)];
        if (*owner != NOBODY)
            violate(w, OWNED_TWICE);
        *owner = (uint8_t)(a - w->actors + 1);
    }
    bool more = !a->b && a->any < 2 && a->word + 1 < WORDS;
    a->word += more;
    a->pc = more ? CLAIM_LOAD : RELEASE_LOCK;
}

static void release_lock(struct world *w, struct actor *a) { acquire(w, a, own_bin(w, a)); }

static void release_full(struct world *w, struct actor *a)
{
    w->state = FULL;
    a->word = a->any = 0;
    a->pc = flaw == NO_SECOND_LOOK ? RELEASE_UNLOCK : RELEASE_LOOK;
}

static void release_look(struct world *w, struct actor *a)
{
    a->any |= w->free[a->word];
    a->pc = ++a->word < WORDS ? RELEASE_LOOK : RELEASE_PUSH;
}

static void release_push(struct world *w, struct actor *a)
{
    if (a->any)
        push(w, own_bin(w, a));
    a->pc = RELEASE_UNLOCK;
}

static void release_unlock(struct world *w, struct actor *a)
{
    w->lock[own_bin(w, a)] = 0;
    next(w, a);
}

// --- span_give ------------------------------------------------------------------------------------------------

static void give_or(struct world *w, struct actor *a)
{
    if (w->free[a->word] & a->a)
        violate(w, FREED_TWICE);
    w->free[a->word] |= a->a;
    w->owner[slot_of_bit(a->word, a->a)] = NOBODY;
    a->b = w->free[a->word] == valid;
    a->pc = AFTER_GIVE;
    if (flaw == NO_LOOK_AT_STATE)
        next(w, a);
}

static void after_give(struct world *w, struct actor *a)
{
    a->bin = w->bin;
    if (w->state == FULL || (w->state == PARTIAL && a->b))
        a->pc = GIVE_LOCK;
    else
        done(w, a);
}

static void give_lock(struct world *w, struct actor *a) { acquire(w, a, a->bin); }

static void give_bin(struct world *w, struct actor *a)
{
    a->state = w->bin == a->bin ? w->state : EMPTY;
    a->pc = flaw == STALE_BIN && w->bin == a->bin ? GIVE_STATE : GIVE_SWEPT;
}

static void give_state(struct world *w, struct actor *a)
{
    a->state = w->state;
    a->pc = GIVE_SWEPT;
}

static void give_swept(struct world *w, struct actor *a)
{
    a->word = a->any = 0;
    a->all = scenario->may_retire && (w->epoch == SWEPT || flaw == RETIRE_UNSWEPT);
    a->pc = a->state == FULL || a->state == PARTIAL ? GIVE_LOOK : GIVE_UNLOCK;
}

static void give_look(struct world *w, struct actor *a)
{
    a->any |= w->free[a->word];
    a->all &= w->free[a->word] == valid;
    a->pc = ++a->word < WORDS ? GIVE_LOOK : GIVE_ACT;
}

static void give_act(struct world *w, struct actor *a)
{
    if (a->all) {
        for (unsigned slot = 0; slot < SLOTS; slot++)
            if (w->owner[slot] != NOBODY)
                violate(w, LIVE_RETIRED);
        if (a->state == PARTIAL)
            w->listed[a->bin] = 0;
        w->state = EMPTY;
        w->pooled = 1;
    } else if (a->state == FULL && a->any) {
        push(w, a->bin);
    }
    a->pc = GIVE_UNLOCK;
}

static void give_unlock(struct world *w, struct actor *a)
{
    w->lock[a->bin] = 0;
    done(w, a);
}

static void finished(struct world *w, struct actor *a)
{
    (void)w;
    (void)a;
}

static void (*const steps[PC_COUNT])(struct world *, struct actor *) = {
    [POP_LOCK] = pop_lock,
    [POP] = pop,
    [POP_UNLOCK] = pop_unlock,
    [OPEN_FREE] = open_free,
    [OPEN_BIN] = open_bin,
    [OPEN_STATE] = open_state,
    [SWEEP_BEGIN] = sweep_begin,
    [SWEEP_FREE] = sweep_free,
    [SWEEP_MARK] = sweep_mark,
    [SWEEP_OR] = sweep_or,
    [SWEEP_CLEAR] = sweep_clear,
    [SWEEP_END] = sweep_end,
    [CLAIM_LOAD] = claim_load,
    [CLAIM_AND] = claim_and,
    [RELEASE_LOCK] = release_lock,
    [RELEASE_FULL] = release_full,
    [RELEASE_LOOK] = release_look,
    [RELEASE_PUSH] = release_push,
    [RELEASE_UNLOCK] = release_unlock,
    [GIVE_OR] = give_or,
    [AFTER_GIVE] = after_give,
    [GIVE_LOCK] = give_lock,
    [GIVE_BIN] = give_bin,
    [GIVE_STATE] = give_state,
    [GIVE_SWEPT] = give_swept,
    [GIVE_LOOK] = give_look,
    [GIVE_ACT] = give_act,
    [GIVE_UNLOCK] = give_unlock,
    [FINISHED] = finished,
};

static struct world first_world(void)
{
    struct world w = {.state = scenario->state, .epoch = scenario->epoch};
    memcpy(w.owner, scenario->owner, sizeof w.owner);
    memcpy(w.mark, scenario->mark, sizeof w.mark);
    for (unsigned slot = 0; slot < SLOTS; slot++)
        if (w.owner[slot] == NOBODY)
            w.free[slot / SLOTS_PER_WORD] |= (uint8_t)(1 << slot % SLOTS_PER_WORD);
    w.listed[0] = w.state == PARTIAL;
    for (unsigned i = 0; i < ACTORS; i++)
        next(&w, &w.actors[i]);
    return w;
}

static enum violation at_rest(const struct world *w)
{
    for (unsigned i = 0; i < ACTORS; i++)
        if (w->actors[i].pc != FINISHED)
            return STUCK;
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        bool is_free = w->free[slot / SLOTS_PER_WORD] >> slot % SLOTS_PER_WORD & 1;
        if (is_free != (w->owner[slot] == NOBODY) || (w->owner[slot] == GARBAGE && w->epoch == SWEPT))
            return LOST_SLOT;
    }
    if (w->state == FULL && (w->free[0] | w->free[1]))
        return LOST_SPAN;
    if (w->state == EMPTY ? !w->pooled : w->pooled)
        return LOST_SPAN;
    if (w->listed[w->bin] != (w->state == PARTIAL) || w->listed[!w->bin])
        return WRONG_LIST;
    return FINE;
}

static int step(void *world, unsigned actor)
{
    struct world *w = world;
    steps[w->actors[actor].pc](w, &w->actors[actor]);
    return w->violation;
}

static int rests(const void *world) { return at_rest(world); }

static enum violation explore(const struct scenario *s, enum flaw f, size_t *count)
{
    const struct model model = {s->name, sizeof(struct world), ACTORS, step, rests};
    scenario = s;
    flaw = f;
    struct world first = first_world();
    return (enum violation)model_explore(&model, &first, count);
}

// --- what is explored -------------------------------------------------------------------------------------------

static const struct scenario scenarios[] = {
    {.name = "one claims, two free",
     .plans = {"cff", "f", "f"},
     .owner = {NOBODY, 2, 3, NOBODY},
     .state = PARTIAL},
    {.name = "two claim, one frees",
     .plans = {"cf", "cf", "ff"},
     .owner = {3, NOBODY, 3, NOBODY},
     .state = PARTIAL},
    {.name = "FULL, three free",
     .plans = {"ff", "f", "fc"},
     .owner = {1, 1, 2, 3},
     .state = FULL,
     .may_retire = true},
    {.name = "a sweep, a claim and a free",
     .plans = {"cf", "s", "f"},
     .owner = {3, GARBAGE, NOBODY, GARBAGE},
     .mark = {1, 0},
     .state = PARTIAL,
     .epoch = DUE},
    {.name = "two sweeps and a free, FULL",
     .plans = {"s", "sc", "f"},
     .owner = {GARBAGE, 3, GARBAGE, GARBAGE},
     .mark = {2, 0},
     .state = FULL,
     .epoch = DUE,
     .may_retire = true},
    {.name = "emptied while its sweep is due, opened in another bin",
     .plans = {"s", "f", "fcf"},
     .bins = {0, 0, 1},
     .owner = {2, NOBODY, 3, NOBODY},
     .mark = {1, 1},
     .state = PARTIAL,
     .epoch = DUE,
     .may_retire = true},
    {.name = "emptied by two at once, opened in another bin",
     .plans = {"f", "f", "ccff"},
     .bins = {0, 0, 1},
     .owner = {1, NOBODY, 2, NOBODY},
     .state = PARTIAL,
     .may_retire = true},
};

enum { SCENARIO_COUNT = sizeof scenarios / sizeof scenarios[0] };

START_TEST(test_the_rules_hold)
{
    const struct scenario *s = &scenarios[_i];
    size_t worlds;
    enum violation found = explore(s, NONE, &worlds);
    ck_assert_msg(found == FINE, "%s: violation %d", s->name, found);
    ck_assert_uint_gt(worlds, 1000); // it did explore
}
END_TEST

static const struct {
    enum flaw flaw;
    enum violation found; // what it leads to, at least
} flaws[] = {
    {TWO_CLAIMERS, OWNED_TWICE}, {NO_SECOND_LOOK, LOST_SPAN},  {NO_LOOK_AT_STATE, LOST_SPAN},
    {CLAIM_UNSWEPT, LIVE_SWEPT}, {RETIRE_UNSWEPT, LIVE_SWEPT}, {STALE_BIN, WRONG_LIST},
};

START_TEST(test_without_a_rule)
{
    bool as_foretold = false;
    size_t worlds;
    for (size_t i = 0; i < SCENARIO_COUNT && !as_foretold; i++)
        as_foretold = explore(&scenarios[i], flaws[_i].flaw, &worlds) == flaws[_i].found;
    ck_assert_msg(as_foretold, "flaw %d went unnoticed", flaws[_i].flaw);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model");
    TCase *tcase = tcase_create("model");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_the_rules_hold, 0, SCENARIO_COUNT);
    tcase_add_loop_test(tcase, test_without_a_rule, 0, sizeof flaws / sizeof flaws[0]);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
