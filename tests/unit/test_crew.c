// A model of how workers drain the grey pool together (gc/grey.h, Y3 to Y5), run in every possible order.
//
// A leader and two helpers; work is counted in chunks. The leader makes two drains: before each, chunks come into the pool and
// into its own hands. In some scenarios the last is no helper but a thread of the program that assists: it never sleeps, takes a chunk,
// and works it off or gives it back. Each rule is also left out once: then something must go wrong.
#include "explore.h"
#include "unit.h"

enum { ACTORS = 3, DRAINS = 2, LEADER = 0, VISITOR = 2, VISITS = 3 };

enum violation {
    FINE,
    ENDED_EARLY, // a drain was ended, and there is work
    MISCOUNTED,  // who is active was not counted, or counted twice
    OVER_LIMIT,  // a helper works that this drain does not want
    STUCK,
};

enum flaw {
    NONE,
    TAKE_BEFORE_COUNTED, // Y3
    VISIT_UNCOUNTED,     // Y3
    END_BY_STORE,        // Y4: not in one step with seeing that nobody is active
    LOOK_BEFORE_NUMBER,  // Y5
    LAST_WAKES_NOBODY,   // Y5
    WAKE_ANYBODY,        // one sleeper, whoever it is
};

enum pc {
    REST,
    BEGIN,
    WORK,
    GIVE_LOOK,
    NUMBER,
    WAKE,
    LEAVE,
    SEE,
    LOOK,
    COUNT,
    END,
    SLEEP,
    ASLEEP,
    FINISHED,
};

struct actor {
    uint8_t pc, then; // where it goes on after a wake
    uint8_t held, seen, active, whom, visits;
};

struct world {
    uint8_t limit, active; // `crew`: always read and written together
    uint8_t pool, event, drain;
    struct actor actors[ACTORS];
};

struct scenario {
    const char *name;
    struct {
        uint8_t limit, held, pool;
    } drains[DRAINS];
    bool visited, gives_back;
};

static const struct scenario *scenario;
static enum flaw flaw;

static bool is_visitor(unsigned me) { return scenario->visited && me == VISITOR; }

static bool is_hungry(const struct world *w) { return w->limit > w->active; }

static uint8_t bits_of(unsigned limit) { return (uint8_t)((1u << limit) - 1); }

static void prepare(struct world *w, unsigned me)
{
    struct actor *a = &w->actors[me];
    if (me != LEADER) {
        a->pc = SEE;
        return;
    }
    if (w->drain == DRAINS) {
        a->pc = FINISHED;
        return;
    }
    a->held = scenario->drains[w->drain].held;
    w->pool = scenario->drains[w->drain].pool;
    a->pc = BEGIN;
}

static void begin(struct world *w, unsigned me)
{
    w->limit = scenario->drains[w->drain].limit;
    w->active = w->actors[me].active = 1;
    w->actors[me].then = WORK;
    w->actors[me].pc = w->pool ? GIVE_LOOK : WORK;
}

static void assist(struct world *w, struct actor *a)
{
    if (!a->held && w->pool) {
        w->pool--;
        a->held++;
    } else if (a->held && scenario->gives_back) {
        a->held--;
        w->pool++;
        a->then = LEAVE;
        a->pc = GIVE_LOOK;
    } else {
        a->held = 0;
        a->pc = LEAVE;
    }
}

static void work(struct world *w, unsigned me)
{
    struct actor *a = &w->actors[me];
    if (is_visitor(me)) {
        assist(w, a);
    } else if (a->held > 1 && is_hungry(w) && !w->pool) {
        a->held--;
        w->pool++;
        a->then = WORK;
        a->pc = GIVE_LOOK;
    } else if (a->held) {
        a->held--;
    } else if (w->pool) {
        w->pool--;
        a->held++;
    } else {
        a->pc = LEAVE;
    }
}

static void give_look(struct world *w, unsigned me)
{
    struct actor *a = &w->actors[me];
    a->whom = flaw == WAKE_ANYBODY ? bits_of(ACTORS) : bits_of(w->limit);
    a->pc = is_hungry(w) ? NUMBER : a->then;
}

static void number(struct world *w, unsigned me)
{
    w->event++;
    w->actors[me].pc = WAKE;
}

static void wake(struct world *w, unsigned me)
{
    struct actor *a = &w->actors[me];
    for (unsigned i = ACTORS; i-- > 0;)
        if (a->whom >> i & 1 && w->actors[i].pc == ASLEEP) {
            w->actors[i].pc = SEE;
            break;
        }
    a->pc = a->then;
}

static void leave(struct world *w, unsigned me)
{
    struct actor *a = &w->actors[me];
    w->active -= a->active;
    a->active = 0;
    a->then = SEE;
    a->whom = flaw == WAKE_ANYBODY ? bits_of(ACTORS) : 1 << LEADER;
    a->pc = me != LEADER && w->active == 0 && flaw != LAST_WAKES_NOBODY ? NUMBER : SEE;
}

static void see(struct world *w, unsigned me)
{
    w->actors[me].seen = w->event;
    w->actors[me].pc = flaw == LOOK_BEFORE_NUMBER && w->actors[me].whom == 0x80 ? SLEEP : LOOK;
    w->actors[me].whom = 0;
}

// With the flaw the number is read after the look, that is once more.
static uint8_t to_sleep(struct actor *a)
{
    if (flaw == LOOK_BEFORE_NUMBER)
        a->whom = 0x80;
    return flaw == LOOK_BEFORE_NUMBER ? SEE : SLEEP;
}

static void look(struct world *w, unsigned me)
{
    struct actor *a = &w->actors[me];
    if (is_visitor(me)) {
        a->pc = a->visits++ == VISITS ? FINISHED : w->pool && w->limit ? COUNT : SEE;
    } else if (w->pool) {
        a->pc = COUNT;
        if (flaw == TAKE_BEFORE_COUNTED && w->limit > me) {
            w->pool--;
            a->held++;
        }
    } else if (me == LEADER && w->active == 0) {
        a->pc = END;
    } else {
        a->pc = to_sleep(a);
    }
}

static void count(struct world *w, unsigned me)
{
    struct actor *a = &w->actors[me];
    if (is_visitor(me) && flaw == VISIT_UNCOUNTED) {
        a->pc = WORK;
    } else if (w->limit > (is_visitor(me) ? 0 : me)) {
        w->active++;
        a->active = 1;
        a->pc = WORK;
    } else if (is_visitor(me)) {
        a->pc = SEE;
    } else {
        a->pc = to_sleep(a);
    }
}

static void end(struct world *w, unsigned me)
{
    struct actor *a = &w->actors[me];
    a->pc = SEE;
    if (w->active == 0 || flaw == END_BY_STORE) {
        w->limit = w->active = 0;
        w->drain++;
        a->pc = REST;
    }
}

static void fall_asleep(struct world *w, unsigned me)
{
    w->actors[me].pc = w->event == w->actors[me].seen ? ASLEEP : SEE;
}

static void nothing(struct world *w, unsigned me)
{
    (void)w;
    (void)me;
}

static void (*const steps[])(struct world *, unsigned) = {
    [REST] = prepare, [BEGIN] = begin,       [WORK] = work,      [GIVE_LOOK] = give_look, [NUMBER] = number,
    [WAKE] = wake,    [LEAVE] = leave,       [SEE] = see,        [LOOK] = look,           [COUNT] = count,
    [END] = end,      [SLEEP] = fall_asleep, [ASLEEP] = nothing, [FINISHED] = nothing,
};

static int step(void *world, unsigned me)
{
    struct world *w = world;
    unsigned active = 0, held = 0;
    uint8_t drain = w->drain;
    steps[w->actors[me].pc](w, me);
    for (unsigned i = 0; i < ACTORS; i++) {
        active += w->actors[i].active;
        held += w->actors[i].held;
    }
    if (w->drain != drain && (held || w->pool))
        return ENDED_EARLY;
    if (active != w->active)
        return MISCOUNTED;
    if (w->limit && w->actors[me].active && w->limit <= me && !is_visitor(me))
        return OVER_LIMIT;
    return FINE;
}

static int at_rest(const void *world)
{
    return ((const struct world *)world)->actors[LEADER].pc == FINISHED ? FINE : STUCK;
}

static const struct scenario scenarios[] = {
    {.name = "all three, twice", .drains = {{3, 3, 0}, {3, 0, 2}}},
    {.name = "all three, then two", .drains = {{3, 2, 1}, {2, 3, 0}}},
    {.name = "two, then all three", .drains = {{2, 1, 2}, {3, 1, 2}}},
    {.name = "the leader alone, then two", .drains = {{1, 2, 1}, {2, 2, 1}}},
    {.name = "nothing to do", .drains = {{3, 0, 0}, {1, 0, 0}}},
    {.name = "a visitor who works", .drains = {{2, 3, 1}, {1, 1, 2}}, .visited = true},
    {.name = "a visitor who gives back",
     .drains = {{1, 2, 1}, {2, 0, 2}},
     .visited = true,
     .gives_back = true},
};

enum { SCENARIO_COUNT = sizeof scenarios / sizeof scenarios[0] };

static enum violation explore(const struct scenario *s, enum flaw f, size_t *worlds)
{
    const struct model model = {s->name, sizeof(struct world), ACTORS, step, at_rest};
    struct world first = {0};
    scenario = s;
    flaw = f;
    return (enum violation)model_explore(&model, &first, worlds);
}

START_TEST(test_the_rules_hold)
{
    size_t worlds;
    enum violation found = explore(&scenarios[_i], NONE, &worlds);
    ck_assert_msg(found == FINE, "%s: violation %d", scenarios[_i].name, found);
    ck_assert_uint_gt(worlds, 100); // it did explore
}
END_TEST

static const struct {
    enum flaw flaw;
    enum violation found; // what it leads to, at least
} flaws[] = {
    {VISIT_UNCOUNTED, ENDED_EARLY}, {TAKE_BEFORE_COUNTED, ENDED_EARLY}, {END_BY_STORE, MISCOUNTED},
    {LOOK_BEFORE_NUMBER, STUCK},    {LAST_WAKES_NOBODY, STUCK},         {WAKE_ANYBODY, STUCK},
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
    Suite *suite = suite_create("crew");
    TCase *tcase = tcase_create("crew");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_the_rules_hold, 0, SCENARIO_COUNT);
    tcase_add_loop_test(tcase, test_without_a_rule, 0, sizeof flaws / sizeof flaws[0]);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
