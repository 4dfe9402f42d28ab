// What an address is, and which threads wait for ever. It is looked up while the program runs: an answer holds for the moment.
#include "base/log.h"
#include "base/meta.h"
#include "ctl/answer.h"
#include "ctl/views.h"
#include "gc/cycle.h"
#include "gc/stuck.h"
#include "gc/trace.h"
#include "heap/heap.h"
#include "heap/probation.h"
#include "heap/quarantine.h"
#include "leak/hunt.h"
#include "leak/json.h"
#include "leak/module.h"
#include "leak/report.h"
#include "world/maps.h"
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
    if (quarantine_on && quarantine_has(b))
        return "quarantined";
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

uintptr_t whereabouts_who(uintptr_t address)
{
    struct heap_block b = heap_find(address);
    if (b.kind == HEAP_FOREIGN)
        put_elsewhere(address);
    else
        put_block(address, &b);
    bool cached = b.kind == HEAP_SMALL && thread_any_holds(b.bin, (const void *)b.base);
    return b.allocated && !cached ? b.base : 0;
}

void whereabouts_put_block(uintptr_t base)
{
    struct heap_block b = heap_find(base);
    put_block(base, &b);
}

// --- stuck ------------------------------------------------------------------------------------------------------

static void put_stuck(const struct stuck_thread *t)
{
    struct heap_block b = heap_find(t->word);
    const struct note *note = note_with_site(&b);
    if (note)
        report_put_site(site_get(note->site));
    json_begin("stuck");
    json_number("tid", (uint64_t)t->tid);
    json_hex("address", t->word);
    json_hex("base", b.base);
    json_number("offset", t->word - b.base);
    if (note)
        json_number("site", report_number_of(site_get(note->site)));
    json_end(answer_put);
}

void whereabouts_stuck(void)
{
    enum { ROOM = 1024 };
    static struct stuck_thread found[ROOM];
    bool sure;
    size_t count = stuck_found(found, ROOM, &sure);
    if (!sure)
        answer_error("that could not be told for sure%s%s: ask again", cycle_last()->doubt ? ": " : "",
                     cycle_last()->doubt ? cycle_last()->doubt : "");
    for (size_t i = 0; i < count; i++)
        put_stuck(&found[i]);
}
