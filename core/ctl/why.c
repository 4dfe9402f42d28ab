// Commands that look through the whole heap: why a block is alive, what sites retain, what is held weakly.
//
// Y1. They go in steps, between two of which a cycle may run, so that none of them keeps one waiting for long: of SHORTEST_NS, or where
//     cycles take nearly all of the collector's time of half of what that cycle took, at most LONGEST_NS. After LIMIT_NS they give up.
//     (The roots, which every cycle reads too, are one step.)
// Y2. A walk whose result has changed before it could be told is made anew, TRIES times.
#include "base/bits.h"
#include "base/clock.h"
#include "ctl/answer.h"
#include "ctl/views.h"
#include "gc/collector.h"
#include "leak/retain.h"
#include "leak/way.h"
#include "leak/weak.h"

enum { TRIES = 3, SHORTEST_NS = 10000000, LONGEST_NS = 200000000 };
#define LIMIT_NS 30000000000UL

static struct {
    bool (*step)(uint64_t until_ns);   // NULL: there is nothing to do. True: it is at its end
    void (*tell)(const char *problem); // problem: why it came to no end, or NULL
    uint64_t begun_ns, paused_ns;      // when it began, when the last step ended
    struct oldest block;               // that is asked for
    uint32_t site;                     // whose oldest it shall be; 0: it is given
    unsigned tries;
    const struct survey *survey; // NULL: it is about one block
    uint64_t most;
} look;

void why_forget(void)
{
    look.step = NULL;
    retain_end();
    weak_end();
}

// --- who ----------------------------------------------------------------------------------------------------------

static void see_block(const struct heap_block *from, const struct heap_block *to, bool is_new)
{
    const struct note *note = is_new ? note_of(to) : NULL;
    (void)from;
    if (note && atomic_load(&note->site) == look.site)
        oldest_meet(&look.block, to->base, note);
}

static bool step_to_block(uint64_t until_ns)
{
    const struct reach_root *root;
    uintptr_t parent;
    return reach_step(until_ns) || (!look.site && reach_parent(look.block.base, &parent, &root));
}

static void begin_walk(void);

static void tell_path(const char *problem)
{
    static struct path path;
    enum path_result result = problem ? PATH_NONE : path_to(look.block.base, &path);
    if (!problem && (result == PATH_MOVED || result == PATH_NONE) && ++look.tries < TRIES) {
        begin_walk();
        return;
    }
    way_put(&(struct way){.base = look.block.base, .begun_ns = look.begun_ns}, result, &path, problem);
    reach_end();
}

static void tell_oldest(const char *problem)
{
    if (problem)
        answer_error("%s", problem);
    else if (!look.block.base)
        answer_error("nothing that was allocated there can be reached: `sites` lists what lives");
    else
        whereabouts_put_block(look.block.base);
    if (problem || !look.block.base) {
        reach_end();
        return;
    }
    look.site = 0; // this block, should it be looked for again
    tell_path(NULL);
}

static void begin_walk(void)
{
    const char *problem = reach_begin(look.site ? see_block : NULL);
    if (!problem)
        problem = reach_take_world();
    look.step = step_to_block;
    look.tell = look.site ? tell_oldest : tell_path;
    if (problem) {
        look.step = NULL;
        look.tell(problem);
    }
}

// --- of sites -----------------------------------------------------------------------------------------------------

// What is learned of all sites by walking.
struct survey {
    const char *(*begin)(void);
    bool (*step)(uint64_t until_ns);
    const char *(*problem)(void); // at its end
    void (*tell)(uint64_t most);
    void (*end)(void);
};

static const char *begin_retaining(void)
{
    const char *problem = retain_begin();
    return problem ? problem : reach_take_world();
}

static const char *begin_weighing(void) { return weak_begin(reach_take_world); }

static const struct survey retained = {begin_retaining, retain_step, retain_problem, ledger_retained,
                                       retain_end},
                           weakly = {begin_weighing, weak_step, weak_problem, ledger_weakly, weak_end};

static void tell_survey(const char *problem)
{
    if (problem)
        answer_error("%s", problem);
    else
        look.survey->tell(look.most);
    look.survey->end();
}

static void begin_survey(void)
{
    const char *problem = look.survey->begin();
    look.step = problem ? NULL : look.survey->step;
    if (problem)
        tell_survey(problem);
}

static const char *problem_so_far(void) { return look.survey ? look.survey->problem() : reach_problem(); }

// --- in steps -----------------------------------------------------------------------------------------------------

// Whether there is more to do.
static bool with_the_heap(void (*act)(void))
{
    if (collector_looks(true)) {
        act();
    } else {
        look.step = NULL;
        look.tell(collector_passive_reason());
    }
    collector_looks(false);
    look.paused_ns = clock_ns();
    return look.step;
}

static void act_further(void)
{
    uint64_t now_ns = clock_ns(), share_ns = (now_ns - look.paused_ns) / 2;
    if (look.step(now_ns + min_size(max_size(share_ns, SHORTEST_NS), LONGEST_NS))) {
        const char *problem = problem_so_far();
        look.step = NULL;
        look.tell(problem);
    } else if (now_ns - look.begun_ns > LIMIT_NS) {
        look.step = NULL;
        look.tell("the heap is too large: this took more than half a minute");
    }
}

bool why_goes_on(void) { return look.step && with_the_heap(act_further); }

bool why_block(uintptr_t base)
{
    look = (typeof(look)){.tell = tell_path, .block.base = base, .begun_ns = clock_ns()};
    return with_the_heap(begin_walk);
}

bool why_oldest(uint32_t site)
{
    look = (typeof(look)){.tell = tell_oldest, .site = site, .begun_ns = clock_ns()};
    return with_the_heap(begin_walk);
}

static bool begin_look_at_sites(const struct survey *survey, uint64_t most)
{
    look = (typeof(look)){.tell = tell_survey, .survey = survey, .most = most, .begun_ns = clock_ns()};
    return with_the_heap(begin_survey);
}

bool why_retained(uint64_t most) { return begin_look_at_sites(&retained, most); }

bool why_weakly(uint64_t most) { return begin_look_at_sites(&weakly, most); }
