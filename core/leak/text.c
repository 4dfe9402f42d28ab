#include "leak/text.h"

#include "base/bits.h"
#include "base/log.h"
#include "base/meta.h"
#include "base/sort.h"
#include "leak/hunt.h"
#include "leak/module.h"
#include "leak/report.h"
#include "leak/suppress.h"
#include "leak/weak.h"
#include "sys/syscall.h"

#define RULE "-----------------------------------------------------"

enum { LISTED_MOST = 10 }; // sites that grow, and of what is held weakly

static bool headed;

void text_begin(void) { headed = false; }

static void heading(void)
{
    if (headed)
        return;
    headed = true;
    report_text("\n=================================================================");
    report_text("==%d==ERROR: LeakSanitizer: detected memory leaks\n", sys_getpid());
}

static void print_build_id(char out[2 * BUILD_ID_MAX + 16], const struct module *m)
{
    size_t at = format_text(out, 16, m->build_id_bytes ? " (BuildId: " : "");
    for (size_t i = 0; i < m->build_id_bytes; i++)
        at += format_text(out + at, 3, "%02x", m->build_id[i]);
    format_text(out + at, 2, m->build_id_bytes ? ")" : "");
}

static void print_frame(size_t number, uintptr_t pc, uint16_t index)
{
    char build_id[2 * BUILD_ID_MAX + 16];
    const char *function = module_function(index, pc, NULL);
    const struct module *m = index ? module_get(index) : NULL;
    if (!m) {
        report_text("    #%lu 0x%lx  (<unknown module>)", number, pc);
        return;
    }
    print_build_id(build_id, m);
    report_text("    #%lu 0x%lx%s%s (%s+0x%lx)%s", number, pc, function ? " in " : " ",
                function ? function : "", m->path, pc - m->base, build_id);
}

static void print_frames(const struct site *s)
{
    if (s->id == SITE_UNKNOWN)
        report_text("    #0 0x0  (<allocation stack not known>)");
    for (size_t i = 0; s->id != SITE_UNKNOWN && i < s->depth; i++)
        print_frame(i, s->frames[i] - 1, s->modules[i]);
}

void text_stack(const struct site *s)
{
    print_frames(s);
    report_write("\n", 1);
}

static void print_group(const char *class, const struct lost_count *count, const struct site *s)
{
    if (!count->blocks)
        return;
    heading();
    report_text("%s leak of %lu byte(s) in %lu object(s) allocated from:", class, count->bytes,
                count->blocks);
    text_stack(s);
}

static struct lost_count sum(const struct site *s, enum lost_class class)
{
    const struct lost_count *run = &s->lost[class][PHASE_RUN], *exit = &s->lost[class][PHASE_EXIT];
    return (struct lost_count){run->blocks + exit->blocks, run->bytes + exit->bytes};
}

void text_fresh(const struct site *fresh)
{
    for (; fresh; fresh = fresh->fresh_next) {
        print_group("Direct", &fresh->fresh[LOST_DIRECT], fresh);
        print_group("Indirect", &fresh->fresh[LOST_INDIRECT], fresh);
    }
}

// --- sites in descending order of bytes -------------------------------------------------------------------------

static enum lost_class sorted; // what is_larger compares

static uint64_t lost_bytes(const struct site *s)
{
    return sum(s, sorted).blocks ? sum(s, sorted).bytes + 1 : 0;
}

static uint64_t grown_bytes(const struct site *s) { return s->growth.suspect ? growth_bytes(&s->growth) : 0; }

static uint64_t (*key_of)(const struct site *);

static bool is_larger(uint32_t a, uint32_t b)
{
    uint64_t x = key_of(site_get(a)), y = key_of(site_get(b));
    return x != y ? x > y : a < b;
}

// Calls print for the first `most` of all sites that have a key.
static void print_largest(uint64_t (*key)(const struct site *), void (*print)(const struct site *s),
                          uint32_t most)
{
    uint32_t end = sites_end(), n = 0, *list = meta_map(end * sizeof list[0]);
    key_of = key;
    for (uint32_t id = 1; id < end; id++)
        if (!list && key(site_get(id))) // no memory: in no order
            print(site_get(id));
        else if (list && key(site_get(id)))
            list[n++] = id;
    sort_numbers(list, n, is_larger);
    for (uint32_t i = 0; i < n && i < most; i++)
        print(site_get(list[i]));
    if (list)
        meta_unmap(list, end * sizeof list[0]);
}

static void print_site(const struct site *s)
{
    static const char *const names[LOST_CLASSES] = {"Direct", "Indirect"};
    struct lost_count count = sum(s, sorted);
    print_group(names[sorted], &count, s);
}

static void print_sorted(enum lost_class class)
{
    sorted = class;
    print_largest(lost_bytes, print_site, UINT32_MAX);
}

// --- what grows ---------------------------------------------------------------------------------------------------

void text_growing(const struct site *s)
{
    const struct growth *g = &s->growth;
    report_text(
        "Growing: %lu byte(s) in %lu object(s) that are reachable, %lu byte(s) more than in cycle %u, of %u "
        "generations (confidence %u %%), allocated from:",
        s->walk_bytes, s->walk_blocks, growth_bytes(g), g->since_cycle, g->best_generations,
        growth_confidence(g));
    text_stack(s);
}

// --- what is held weakly ------------------------------------------------------------------------------------------

static uint64_t weak_bytes(const struct site *s) { return weak_of(s->id) ? weak_of(s->id)->bytes : 0; }

// 1.5 KB
static void print_size(char out[24], uint64_t bytes)
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
    double size = (double)bytes;
    size_t unit = 0;
    for (; size >= 1000 && unit + 1 < sizeof units / sizeof units[0]; unit++)
        size /= 1024;
    format_text(out, 24, unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

// 1 by unaligned pointers, 2 by stacks or registers
static void print_hows(char out[160], const struct weak *w)
{
    const struct {
        uint64_t blocks;
        const char *how;
    } hows[] = {{w->inside, "by pointers into the block only"},
                {w->unaligned, "by unaligned pointers"},
                {w->stack, "by stacks or registers"}};
    size_t at = format_text(out, 160, "%s", "");
    for (size_t i = 0; i < sizeof hows / sizeof hows[0]; i++)
        if (hows[i].blocks)
            at += format_text(out + at, 160 - at, "%s%lu %s", at ? ", " : "", hows[i].blocks, hows[i].how);
}

static void print_weak(const struct site *s)
{
    const struct weak *w = weak_of(s->id);
    char size[24], hows[160];
    print_size(size, w->bytes);
    print_hows(hows, w);
    report_text("Weakly held %lu byte(s) in %lu object(s) allocated from:", w->bytes, w->blocks);
    print_frames(s);
    report_text("    of %lu object%s %lu of them (%s) held weakly: %s; for example 0x%lx\n", s->walk_blocks,
                s->walk_blocks == 1 ? "" : "s", w->blocks, size, hows, w->example);
}

void text_weakly(void) { print_largest(weak_bytes, print_weak, LISTED_MOST); }

// --- the rest -----------------------------------------------------------------------------------------------------

static void print_suppressions(void)
{
    bool some = false;
    for (const struct suppression *s = suppress_first(); s; s = s->next) {
        if (!s->blocks)
            continue;
        if (!some)
            report_text(RULE "\nSuppressions used:\n  count      bytes template");
        some = true;
        report_text("%7lu %10lu %s", s->blocks, s->bytes, s->pattern);
    }
    if (some)
        report_text(RULE "\n");
}

static void print_late(const struct lost_count *count)
{
    if (!count->blocks)
        return;
    report_text(
        "Lost at exit (not counted): %lu byte(s) in %lu object(s) that only the end of the program gave up\n",
        count->bytes, count->blocks);
}

void text_all(bool groups, const char *incomplete)
{
    struct lost_totals totals = report_totals();
    if (groups && totals.lost.blocks) {
        print_sorted(LOST_DIRECT);
        print_sorted(LOST_INDIRECT);
    }
    print_suppressions();
    if (totals.lost.blocks)
        print_late(&totals.late);
    if (totals.lost.blocks)
        report_text("SUMMARY: LeakSanitizer: %lu byte(s) leaked in %lu allocation(s).", totals.lost.bytes,
                    totals.lost.blocks);
    if (incomplete)
        report_text("gcpre: process %d: more may be lost than was proven, since there are no more cycles: %s",
                    sys_getpid(), incomplete);
    print_largest(grown_bytes, text_growing, LISTED_MOST);
}
