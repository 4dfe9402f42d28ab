// What an address is, and what the program's threads are doing.
//
// Everything is looked up while the program runs: an answer holds for the moment. Other threads' stacks are not unwound: that takes
// the unwinder's locks, which a stopped thread may hold.
#include "base/log.h"
#include "base/meta.h"
#include "ctl/answer.h"
#include "ctl/views.h"
#include "heap/heap.h"
#include "heap/probation.h"
#include "leak/hunt.h"
#include "leak/json.h"
#include "leak/module.h"
#include "leak/report.h"
#include "world/maps.h"
#include "world/tasks.h"
#include "world/thread.h"

#include <string.h>

// --- who --------------------------------------------------------------------------------------------------------

static uintptr_t looked_for;
static bool found_condemned;

static void look_whether_condemned(const struct heap_block *b, unsigned sweeps)
{
    (void)sweeps;
    found_condemned |= b->base == looked_for;
}

static bool is_condemned(uintptr_t base)
{
    looked_for = base;
    found_condemned = false;
    probation_each(look_whether_condemned);
    return found_condemned;
}

static const char *state_of(const struct heap_block *b)
{
    if (!b->allocated)
        return "free";
    if (b->kind == HEAP_SMALL && thread_any_holds(b->bin, (const void *)b->base))
        return "cached";
    return is_condemned(b->base) ? "condemned" : "allocated";
}

static const struct note *note_with_site(const struct heap_block *b)
{
    const struct note *note = (hunting || sampling) && b->allocated ? note_of(b) : NULL;
    return note && note->site && note->site < sites_end() ? note : NULL;
}

static void put_block(uintptr_t address, const struct heap_block *b)
{
    const struct note *note = note_with_site(b);
    const struct site *site = note ? site_get(note->site) : NULL;
    if (site)
        report_put_site(site);
    json_begin("who");
    json_hex("address", address);
    json_string("kind", "heap");
    json_string("state", state_of(b));
    json_hex("base", b->base);
    json_number("offset", address - b->base);
    json_number("bytes", b->bytes);
    json_bool("large", b->kind == HEAP_LARGE);
    if (site) {
        json_number("asked_bytes", note_bytes(b));
        json_number("site", report_number_of(site));
        json_number("born_cycle", note->born);
        json_bool("told_lost", atomic_load(&note->flags) & NOTE_LOST);
    }
    json_end(answer_put);
}

static bool is_ours(uintptr_t address)
{
    static struct range ranges[4096];
    size_t count = meta_ranges(ranges, sizeof ranges / sizeof ranges[0]);
    for (size_t i = 0; i < count && i < sizeof ranges / sizeof ranges[0]; i++)
        if (address - ranges[i].lo < ranges[i].hi - ranges[i].lo)
            return true;
    return false;
}

static void put_elsewhere(uintptr_t address)
{
    struct mapping m = {0};
    pid_t tid = thread_with_stack_at(address);
    bool mapped = maps_refresh() && maps_next(address, 0, &m) && m.lo <= address;
    json_begin("who");
    json_hex("address", address);
    json_string("kind", cage_contains(address) ? "unused"
                        : tid                  ? "stack"
                        : is_ours(address)     ? "ours"
                        : mapped               ? "mapping"
                                               : "nothing");
    if (tid)
        json_number("tid", (uint64_t)tid);
    if (mapped && !cage_contains(address)) {
        json_hex("lo", m.lo);
        json_hex("hi", m.hi);
    }
    json_string("note", "not a heap block");
    json_end(answer_put);
}

void whereabouts_who(uintptr_t address)
{
    struct heap_block b = heap_find(address);
    if (b.kind == HEAP_FOREIGN)
        put_elsewhere(address);
    else
        put_block(address, &b);
}

// --- stacks -----------------------------------------------------------------------------------------------------

struct thread_facts {
    pid_t tid;
    uintptr_t stack_lo, stack_hi;
};

enum { FACTS = 4096 };

static size_t copy_registry(struct thread_facts *facts)
{
    size_t count = 0;
    crit_enter();
    thread_registry_lock();
    for (const struct thread *t = thread_first_locked(); t && count < FACTS; t = t->next)
        facts[count++] = (struct thread_facts){t->tid, t->stack_lo, t->stack_hi};
    thread_registry_unlock();
    crit_leave();
    return count;
}

static struct {
    struct thread_facts *facts;
    size_t count;
} registry;

static const struct thread_facts *facts_of(pid_t tid)
{
    for (size_t i = 0; i < registry.count; i++)
        if (registry.facts[i].tid == tid)
            return &registry.facts[i];
    return NULL;
}

static void cut_line(char *text) { text[strcspn(text, "\n")] = 0; }

// Field 3 of proc_pid_stat(5), behind the name, which may hold anything.
static void put_state(pid_t tid)
{
    char text[512], state[2] = "?";
    const char *end = tasks_read(tid, "stat", text, sizeof text) > 0 ? strrchr(text, ')') : NULL;
    if (end && end[1] == ' ' && end[2])
        state[0] = end[2];
    json_string("state", state);
    if (tasks_read(tid, "wchan", text, sizeof text) > 0 && strcmp(text, "0") != 0)
        json_string("waits_in", text);
}

static void put_thread(pid_t tid, void *unused)
{
    char name[64];
    (void)unused;
    if (thread_is_own(tid) || tasks_read(tid, "comm", name, sizeof name) <= 0)
        return;
    cut_line(name);
    json_begin("thread");
    json_number("tid", (uint64_t)tid);
    json_string("name", name);
    put_state(tid);
    const struct thread_facts *facts = facts_of(tid);
    json_bool("registered", facts);
    if (facts && facts->stack_hi) {
        json_hex("stack_lo", facts->stack_lo);
        json_hex("stack_hi", facts->stack_hi);
    }
    json_bool("unwound", false);
    json_end(answer_put);
}

void whereabouts_stacks(void)
{
    registry.facts = meta_map(FACTS * sizeof registry.facts[0]);
    registry.count = registry.facts ? copy_registry(registry.facts) : 0;
    if (!tasks_each(put_thread, NULL))
        answer_error("the kernel's list of threads (/proc/self/task) cannot be read");
    if (registry.facts)
        meta_unmap(registry.facts, FACTS * sizeof registry.facts[0]);
}
