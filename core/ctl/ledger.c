// What sites have: lost so far, living now, and how that differs from a moment that was marked.
//
// L1. A mark holds, for each site that was known then, what it had; sites that came later had nothing.
// L2. Marks are private memory: MARKS_MOST of them, 32 bytes a site. A name that is used again replaces its mark.
#include "base/bits.h"
#include "base/meta.h"
#include "ctl/answer.h"
#include "ctl/request.h"
#include "ctl/views.h"
#include "gc/cycle.h"
#include "gc/trace.h"
#include "heap/heap.h"
#include "leak/finding.h"
#include "leak/hunt.h"
#include "leak/json.h"
#include "leak/report.h"
#include "leak/retain.h"
#include "leak/thread_leaks.h"
#include "leak/weak.h"

#include <string.h>

enum { MARKS_MOST = 8 };

bool ledger_is_kept(void)
{
    if (!hunting && !sampling)
        answer_error("no allocation sites are kept: start the program with GCPRE_LEAKS=cycle too, or without "
                     "GCPRE_SAMPLE=off");
    if (sampling)
        sites_take_samples(trace_elapsed_ns());
    return hunting || sampling;
}

// --- the largest ------------------------------------------------------------------------------------------------

struct entry {
    uint64_t key;
    uint32_t site;
};

// The largest `room` so far, as a heap with the smallest on top.
struct ranking {
    struct entry *list;
    size_t count, room;
};

static void sink_top(const struct ranking *r)
{
    for (size_t at = 0, child; (child = 2 * at + 1) < r->count; at = child) {
        child += child + 1 < r->count && r->list[child + 1].key < r->list[child].key;
        if (r->list[at].key <= r->list[child].key)
            return;
        struct entry swapped = r->list[at];
        r->list[at] = r->list[child];
        r->list[child] = swapped;
    }
}

static void rise_last(const struct ranking *r)
{
    for (size_t at = r->count - 1, parent; at && r->list[parent = (at - 1) / 2].key > r->list[at].key;
         at = parent) {
        struct entry swapped = r->list[at];
        r->list[at] = r->list[parent];
        r->list[parent] = swapped;
    }
}

static void rank(struct ranking *r, struct entry entry)
{
    if (r->count < r->room) {
        r->list[r->count++] = entry;
        rise_last(r);
    } else if (r->room && entry.key > r->list[0].key) {
        r->list[0] = entry;
        sink_top(r);
    }
}

// Calls put for the sites with the largest keys (0: all that have one), in no order.
static void each_of_largest(uint64_t most, uint64_t (*key_of)(const struct site *),
                            void (*put)(const struct site *))
{
    size_t all = sites_end(), room = most && most < all ? most : all;
    struct ranking r = {meta_map(room * sizeof r.list[0]), 0, room};
    if (!r.list) {
        answer_error("no memory to sort the sites: ask for fewer");
        return;
    }
    for (uint32_t id = 1; id < all; id++)
        if (key_of(site_get(id)))
            rank(&r, (struct entry){key_of(site_get(id)), id});
    for (size_t i = 0; i < r.count; i++)
        put(site_get(r.list[i].site));
    meta_unmap(r.list, room * sizeof r.list[0]);
}

// --- leaks and sites --------------------------------------------------------------------------------------------

static uint64_t lost_bytes(const struct site *s)
{
    struct lost_count all = site_lost(s);
    lost_add(&all, &s->suppressed);
    return all.bytes + all.blocks; // a block may have no bytes
}

static void put_lost(const struct site *s, enum lost_class class, enum lost_phase phase,
                     const struct lost_count *count, const char *pattern)
{
    if (!count->blocks)
        return;
    json_begin("lost");
    json_number("cycle", cycle_count());
    json_number("at_ns", s->last_ns);
    json_number("since_ns", s->since_ns);
    json_number("site", report_number_of(s));
    json_string("class", lost_class_names[class]);
    json_string("phase", lost_phase_names[phase]);
    json_number("blocks", count->blocks);
    json_number("bytes", count->bytes);
    json_number("first_ns", s->first_ns);
    json_number("last_ns", s->last_ns);
    json_number("bytes_per_hour", growth_rate(count->bytes, s->last_ns - s->since_ns));
    if (pattern)
        json_string("suppressed", pattern);
    json_bool("cumulated", true);
    if (!pattern)
        report_put_holder(s->last_holder, 0);
    json_end(answer_put);
}

static void put_leaks(const struct site *s)
{
    report_put_site(s);
    report_put_holders_parts(s->last_holder);
    for (enum lost_phase phase = 0; phase < PHASES; phase++) {
        put_lost(s, LOST_DIRECT, phase, &s->lost[LOST_DIRECT][phase], NULL);
        put_lost(s, LOST_INDIRECT, phase, &s->lost[LOST_INDIRECT][phase], NULL);
    }
    put_lost(s, LOST_DIRECT, PHASE_RUN, &s->suppressed, report_pattern_of(s));
}

void ledger_leaks(uint64_t most)
{
    each_of_largest(most, lost_bytes, put_leaks);
    report_all_growing(cycle_count(), trace_elapsed_ns());
    thread_leaks_put(trace_elapsed_ns());
}

// Suspects come first, however small they still are.
static uint64_t living_key(const struct site *s)
{
    uint64_t bytes = s->walk_bytes + s->walk_blocks;
    return bytes && s->growth.suspect ? bytes | 1UL << 63 : bytes;
}

static void put_living(const struct site *s) { report_put_living(s, cycle_count(), trace_elapsed_ns()); }

void ledger_sites(uint64_t most)
{
    findings_walk();
    each_of_largest(most, living_key, put_living);
}

static uint64_t allocated_key(const struct site *s) { return s->allocated_bytes + s->allocated_blocks; }

static void put_all(const struct site *s)
{
    put_living(s);
    put_leaks(s);
}

void ledger_profile(uint64_t most)
{
    findings_walk();
    each_of_largest(most, allocated_key, put_all);
}

// Also of those who live and retain nothing: what leads to them is not seen any more.
static uint64_t retained_key(const struct site *s) { return 2 * retain_bytes(s->id) + (s->walk_blocks > 0); }

void ledger_retained(uint64_t most)
{
    findings_walk();
    each_of_largest(most, retained_key, put_living);
}

static uint64_t weak_key(const struct site *s) { return weak_of(s->id) ? weak_of(s->id)->bytes + 1 : 0; }

void ledger_weakly(uint64_t most)
{
    findings_walk();
    each_of_largest(most, weak_key, put_living);
}

// --- marks ------------------------------------------------------------------------------------------------------

struct holding {
    struct lost_count live, lost;
};

static struct mark {
    char name[REQUEST_WORD_MOST + 1]; // empty: unused
    uint64_t at_ns, cycle, total_alloc;
    size_t heap_bytes;
    struct holding *sites;
    uint32_t end;
} marks[MARKS_MOST];

void ledger_forget(void) { memset(marks, 0, sizeof marks); }

// The mark of that name; an empty name: a free place.
static struct mark *find(const char *name)
{
    for (size_t i = 0; i < MARKS_MOST; i++)
        if (strcmp(marks[i].name, name) == 0)
            return &marks[i];
    return NULL;
}

static struct holding holding_of(const struct site *s)
{
    return (struct holding){{s->walk_blocks, s->walk_bytes}, site_lost(s)};
}

static void put_mark(const struct mark *m)
{
    json_begin("mark");
    json_string("name", m->name);
    json_number("at_ns", m->at_ns);
    json_number("now_ns", trace_elapsed_ns());
    json_number("cycle", m->cycle);
    json_number("sites", m->end - 1);
    json_number("heap_before", m->heap_bytes);
    json_number("heap_alloc", heap_live_bytes());
    json_number("total_before", m->total_alloc);
    json_number("total_alloc", heap_allocated_total());
    json_end(answer_put);
}

static void drop(struct mark *m)
{
    if (m->sites)
        meta_unmap(m->sites, m->end * sizeof m->sites[0]);
    *m = (struct mark){0};
}

static void take(struct mark *m, const char *name)
{
    uint32_t end = sites_end();
    struct holding *sites = meta_map(end * sizeof sites[0]);
    if (!sites) {
        answer_error("no memory for a mark of %u sites", end);
        return;
    }
    drop(m);
    findings_walk();
    for (uint32_t id = 1; id < end; id++)
        sites[id] = holding_of(site_get(id));
    *m = (struct mark){.at_ns = trace_elapsed_ns(),
                       .cycle = cycle_count(),
                       .total_alloc = heap_allocated_total(),
                       .heap_bytes = heap_live_bytes(),
                       .sites = sites,
                       .end = end};
    strcpy(m->name, name);
    put_mark(m);
}

void ledger_mark(const char *name)
{
    struct mark *m = find(name);
    if (!m)
        m = find("");
    if (m)
        take(m, name);
    else
        answer_error("%d marks are kept: use the name of one of them again, such as %s", MARKS_MOST,
                     marks[0].name);
}

static void put_counts(const char *blocks, const char *bytes, const struct lost_count *count)
{
    json_number(blocks, count->blocks);
    json_number(bytes, count->bytes);
}

static void put_change(const struct site *s, const struct holding *before, const struct holding *now)
{
    if (memcmp(before, now, sizeof *now) == 0)
        return;
    report_put_site(s);
    json_begin("change");
    json_number("site", report_number_of(s));
    put_counts("live_blocks_before", "live_bytes_before", &before->live);
    put_counts("live_blocks", "live_bytes", &now->live);
    put_counts("lost_blocks_before", "lost_bytes_before", &before->lost);
    put_counts("lost_blocks", "lost_bytes", &now->lost);
    json_end(answer_put);
}

void ledger_diff(const char *name)
{
    static const struct holding nothing;
    const struct mark *m = find(name);
    if (!m) {
        answer_error("there is no mark %s: set it first, with `mark %s`", name, name);
        return;
    }
    findings_walk();
    put_mark(m);
    for (uint32_t id = 1; id < sites_end(); id++) {
        struct holding now = holding_of(site_get(id));
        put_change(site_get(id), id < m->end ? &m->sites[id] : &nothing, &now);
    }
}
