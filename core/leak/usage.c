#include "leak/usage.h"

#include "base/bits.h"
#include "heap/cache.h"
#include "heap/note.h"
#include "leak/hunt.h"
#include "leak/json.h"
#include "leak/module.h"
#include "leak/report.h"
#include "leak/site.h"

enum { SHARE = 1000, STEPS = 4 }; // told: sites of one in SHARE; a step is small: a STEPS-th at most

static __thread struct {
    uint32_t site;
    size_t bytes;
} last; // of this thread's allocations (U3)

// --- counting -----------------------------------------------------------------------------------------------------

static void add(_Atomic uint64_t *to, uint64_t more)
{
    if (atomic_load_explicit(&cache_one_thread, memory_order_relaxed))
        atomic_store_explicit(to, atomic_load_explicit(to, memory_order_relaxed) + more,
                              memory_order_relaxed);
    else
        atomic_fetch_add_explicit(to, more, memory_order_relaxed);
}

void usage_allocated(uint32_t site, size_t n)
{
    struct usage *u = &site_get(site)->usage;
    if (n > atomic_load_explicit(&u->largest, memory_order_relaxed))
        atomic_store_explicit(&u->largest, n, memory_order_relaxed);
    last.site = site;
    last.bytes = n;
}

static void remember(_Atomic uintptr_t places[USAGE_PLACES], uintptr_t pc)
{
    for (size_t i = 0; i < USAGE_PLACES; i++) {
        uintptr_t is = atomic_load_explicit(&places[i], memory_order_relaxed);
        if (is == pc || (!is && atomic_compare_exchange_strong(&places[i], &is, pc)) || is == pc)
            return;
    }
}

static bool is_small_step(size_t from, size_t to) { return to > from && to - from <= from / STEPS + 64; }

void usage_freed(const struct note *was, const void *const *return_slot)
{
    struct usage *u = &site_get(was->site)->usage;
    if (was->frame == (uintptr_t)return_slot) {
        add(&u->in_call, hunt_weight(was));
        remember(u->freed_at, (uintptr_t)*return_slot);
    }
    if (last.site == was->site && hunting && is_small_step(was->bytes, last.bytes)) {
        add(&u->regrown, 1);
        add(&u->regrown_by, last.bytes - was->bytes);
        add(&u->copied_bytes, was->bytes);
    }
}

void usage_resized(uint32_t site, uint64_t blocks, size_t before, size_t after, bool moved)
{
    struct usage *u = &site_get(site)->usage;
    if (after <= before)
        return;
    add(&u->resized, blocks);
    add(&u->grown_bytes, blocks * (after - before));
    add(&u->grown_to, blocks * after);
    if (moved) {
        add(&u->moved, blocks);
        add(&u->copied_bytes, blocks * before);
    }
}

// --- the record -----------------------------------------------------------------------------------------------------

static void put_place(uintptr_t return_address, uint16_t index)
{
    uintptr_t pc = return_address - 1;
    json_open(NULL, '{');
    json_hex("pc", pc);
    json_number("module", index);
    json_hex("offset", index ? pc - module_get(index)->base : 0);
    json_close('}');
}

static void put_places(const struct usage *u)
{
    uint16_t modules[USAGE_PLACES] = {0};
    json_open("freed_at", '[');
    for (size_t i = 0; i < USAGE_PLACES && u->freed_at[i]; i++) {
        modules[i] = module_at(u->freed_at[i] - 1);
        put_place(u->freed_at[i], modules[i]);
    }
    json_close(']');
}

// Before their first use.
static void put_modules(const struct usage *u)
{
    for (size_t i = 0; i < USAGE_PLACES && u->freed_at[i]; i++)
        report_put_module(module_at(u->freed_at[i] - 1));
}

static void put(const struct site *s, const struct lost_count *all, uint64_t cycle, uint64_t now_ns)
{
    const struct usage *u = &s->usage;
    report_put_site(s);
    put_modules(u);
    json_begin("usage");
    json_number("cycle", cycle);
    json_number("at_ns", now_ns);
    json_number("site", report_number_of(s));
    json_number("allocated_blocks", s->allocated_blocks);
    json_number("allocated_bytes", s->allocated_bytes);
    json_number("living_blocks", s->walk_blocks);
    json_number("all_blocks", all->blocks);
    json_number("all_bytes", all->bytes);
    json_number("largest_bytes", u->largest);
    json_number("in_call", u->in_call);
    put_places(u);
    json_number("resized", u->resized);
    json_number("moved", u->moved);
    json_number("grown_bytes", u->grown_bytes);
    json_number("grown_to_bytes", u->grown_to);
    json_number("regrown", u->regrown);
    json_number("regrown_by_bytes", u->regrown_by);
    json_number("copied_bytes", u->copied_bytes);
    report_put_end();
}

void usage_report(uint64_t cycle, uint64_t now_ns)
{
    struct lost_count all = {0};
    for (uint32_t id = SITE_UNKNOWN + 1; id < sites_end(); id++) {
        struct lost_count some = {site_get(id)->allocated_blocks, site_get(id)->allocated_bytes};
        lost_add(&all, &some);
    }
    for (uint32_t id = SITE_UNKNOWN + 1; id < sites_end(); id++) {
        const struct site *s = site_get(id);
        if (s->allocated_blocks > all.blocks / SHARE || s->usage.copied_bytes > all.bytes / SHARE)
            put(s, &all, cycle, now_ns);
    }
}
