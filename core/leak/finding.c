#include "leak/finding.h"

#include "base/log.h"
#include "base/meta.h"
#include "base/sort.h"
#include "gc/scan.h"
#include "heap/guards.h"
#include "heap/quarantine.h"
#include "heap/heap.h"
#include "heap/probation.h"
#include "leak/hunt.h"
#include "leak/module.h"
#include "leak/suppress.h"

#include <string.h>

enum state { IN_DOUBT, OLD, SUPPRESSED, DIRECT, INDIRECT }; // OLD: not to be told of

// As it was found: the program may have a hidden pointer to it, and free or resize it while we look (F4).
struct corpse {
    uintptr_t base;
    struct note *note; // NULL: none (F3). Its holder is the corpse's index meanwhile
    uint64_t holder;
    size_t bytes;
    uint32_t site;
    uint32_t round; // of the walk that came here last
    uint8_t state;  // enum state
    bool referenced;
};

static struct corpse *corpses;
static uint32_t *queue, *loops; // indices
static size_t count, room;
static uint32_t queued, round_now;
static bool no_room;
static struct site *fresh;
static uint64_t now_ns, before_ns; // of this proof, and of the one before
static enum lost_phase phase;

// --- gathering ----------------------------------------------------------------------------------------------

static void unmap(void *start, size_t bytes)
{
    if (start)
        meta_unmap(start, bytes);
}

// Twice as much room. What is there is copied; the old memory goes back when nothing refers to it any more, not even in a child that is
// forked just then.
static bool grow(void)
{
    size_t before = room, more = room ? 2 * room : 4096;
    struct corpse *bigger = meta_map(more * sizeof bigger[0]), *old = corpses;
    uint32_t *indices = meta_map(2 * more * sizeof indices[0]), *old_indices = queue;
    if (!bigger || !indices) {
        unmap(bigger, more * sizeof bigger[0]);
        unmap(indices, 2 * more * sizeof indices[0]);
        return false;
    }
    if (count)
        memcpy(bigger, corpses, count * sizeof bigger[0]);
    corpses = bigger;
    queue = indices;
    loops = indices + more;
    room = more;
    unmap(old, before * sizeof old[0]);
    unmap(old_indices, 2 * before * sizeof old_indices[0]);
    return true;
}

static void gather(const struct heap_block *b, unsigned sweeps)
{
    struct note *note = note_of(b);
    uint32_t site = note ? note->site : 0;
    (void)sweeps;
    if (!site)
        note = NULL;
    if (count == room && !grow()) {
        no_room = true;
        return;
    }
    bool told = !note || atomic_load(&note->flags) & NOTE_LOST;
    corpses[count] = (struct corpse){.base = b->base,
                                     .note = note,
                                     .holder = note ? note->holder : 0,
                                     .bytes = note_bytes(b),
                                     .site = site,
                                     .state = told ? OLD : IN_DOUBT};
    if (note) {
        note->holder = count;
        atomic_fetch_or(&note->flags, NOTE_LOST);
    }
    count++;
}

// --- edges --------------------------------------------------------------------------------------------------

static struct corpse *corpse_at(uintptr_t value)
{
    struct heap_block b = heap_find(value & SCAN_UNTAGGED);
    struct note *note = b.allocated ? note_of(&b) : NULL;
    bool is_one = note && atomic_load(&note->flags) & NOTE_LOST && note->holder < count &&
                  corpses[note->holder].note == note;
    return is_one ? &corpses[note->holder] : NULL;
}

static void targets_in(const struct corpse *from, const char *at, size_t bytes,
                       void (*visit)(struct corpse *target))
{
    uintptr_t found[SCAN_MAX_CANDIDATES];
    while (bytes >= 8) {
        size_t block = min_size(align_down(bytes, 8), SCAN_BLOCK_BYTES), n = scan_filter(at, block, found);
        for (size_t i = 0; i < n; i++) {
            struct corpse *target = corpse_at(found[i]);
            if (target && target != from)
                visit(target);
        }
        if (block >= bytes - 7)
            return;
        at += block - 8; // an unaligned pointer across the seam
        bytes -= block - 8;
    }
}

static void each_target(const struct corpse *c, void (*visit)(struct corpse *target))
{
    struct heap_block b = heap_find(c->base);
    uintptr_t at = b.base, end = min_size(b.base + b.bytes, cage_top()), part_end;
    if (!b.allocated || b.base != c->base || quarantine_is_sealed(&b))
        return; // the program found it again and freed it
    for (; guards_next_readable(&at, end, &part_end); at = part_end)
        targets_in(c, (const char *)at, part_end - at, visit);
}

static void note_reference(struct corpse *target) { target->referenced = true; }

// --- groups -------------------------------------------------------------------------------------------------

static void enqueue(struct corpse *c)
{
    if (c->round != round_now) {
        c->round = round_now;
        queue[queued++] = (uint32_t)(c - corpses);
    }
}

// Everything that start leads to, in queue[0..queued).
static void flood(struct corpse *start)
{
    queued = 0;
    enqueue(start);
    for (uint32_t i = 0; i < queued; i++)
        each_target(&corpses[queue[i]], enqueue);
}

static void take_member(struct corpse *c)
{
    if (c->state != IN_DOUBT)
        return;
    c->state = INDIRECT;
    queue[queued++] = (uint32_t)(c - corpses);
}

// start begins a group: what it leads to and is still in doubt belongs to it. Not beyond: what a settled block leads to is settled.
static void settle_group(struct corpse *start)
{
    queued = 0;
    take_member(start);
    start->state = DIRECT;
    for (uint32_t i = 0; i < queued; i++)
        each_target(&corpses[queue[i]], take_member);
}

// Rounds of floods that do not go where one of them has been.
static void settle_all(bool (*begins)(const struct corpse *c), enum state start, enum state members)
{
    round_now++;
    for (size_t i = 0; i < count; i++) {
        struct corpse *c = &corpses[i];
        if (!begins(c))
            continue;
        if (c->state == IN_DOUBT)
            c->state = (uint8_t)start;
        flood(c);
        for (uint32_t at = 0; at < queued; at++)
            if (corpses[queue[at]].state == IN_DOUBT)
                corpses[queue[at]].state = (uint8_t)members;
    }
}

static bool names_suppression(struct site *s, uintptr_t frame, uint16_t module)
{
    struct suppression *found = NULL;
    if (module)
        found = suppress_match(module_get(module)->path);
    if (!found && module)
        found = suppress_match(module_function(module, frame - 1, NULL));
    s->suppressed_by = found;
    return found;
}

struct suppression *finding_suppression(struct site *s)
{
    if (!s->judged && suppress_first())
        for (size_t i = 0; i < s->depth && !names_suppression(s, s->frames[i], s->modules[i]); i++)
            ;
    s->judged = true;
    return s->suppressed_by;
}

static bool is_ignored(const struct corpse *c)
{
    return c->note && (atomic_load(&c->note->flags) & NOTE_NO_LEAK);
}

static bool begins_suppressed(const struct corpse *c)
{
    return c->note && c->state == IN_DOUBT && finding_suppression(site_get(c->site));
}

static bool begins_old(const struct corpse *c) { return c->state == OLD; }

static bool begins_direct(const struct corpse *c) { return c->state == IN_DOUBT && !c->referenced; }

// --- cycles of blocks (F2) --------------------------------------------------------------------------------------

static bool is_older(uint32_t a, uint32_t b)
{
    const struct note *x = corpses[a].note, *y = corpses[b].note;
    return x->born != y->born ? x->born < y->born : (int32_t)(x->order - y->order) < 0;
}

// What is in doubt is now reached from cycles alone. From the oldest on: who was not reached yet may begin a group (among the blocks of
// a cycle it is the oldest); of these, from the last to the first, one that a later one reaches does not.
static void settle_cycles(void)
{
    size_t doubtful = 0, beginnings = 0;
    for (size_t i = 0; i < count; i++)
        if (corpses[i].state == IN_DOUBT)
            loops[doubtful++] = (uint32_t)i;
    sort_numbers(loops, doubtful, is_older);
    round_now++;
    for (size_t i = 0; i < doubtful; i++)
        if (corpses[loops[i]].round != round_now) {
            flood(&corpses[loops[i]]);
            loops[beginnings++] = loops[i];
        }
    while (beginnings-- > 0) {
        struct corpse *c = &corpses[loops[beginnings]];
        if (c->state == IN_DOUBT)
            settle_group(c);
    }
}

// --- counting -----------------------------------------------------------------------------------------------

static void add(struct lost_count *to, size_t bytes)
{
    to->blocks++;
    to->bytes += bytes;
}

static void make_fresh(struct site *s)
{
    uint64_t before = s->fresh[LOST_DIRECT].blocks + s->fresh[LOST_INDIRECT].blocks +
                      s->fresh_suppressed[LOST_DIRECT].blocks + s->fresh_suppressed[LOST_INDIRECT].blocks;
    if (before)
        return;
    s->fresh_next = fresh;
    fresh = s;
    if (!s->first_ns) {
        s->first_ns = now_ns;
        s->since_ns = before_ns;
    }
    s->last_ns = now_ns;
}

static void keep_example(struct site *s, const struct corpse *c, enum lost_class class)
{
    uint64_t n = s->fresh[class].blocks;
    if (n < SITE_EXAMPLES) {
        s->example[class][n].address = c->base;
        s->example[class][n].bytes = c->bytes;
        s->example[class][n].born = c->note->born;
    }
}

static void count_suppressed(struct site *s, const struct corpse *c)
{
    add(&s->fresh_suppressed[c->referenced ? LOST_INDIRECT : LOST_DIRECT], c->bytes);
    if (phase != PHASE_LATE)
        add(&s->suppressed, c->bytes);
    if (s->suppressed_by)
        suppress_count(s->suppressed_by, 1, c->bytes);
}

static void count_lost(struct site *s, const struct corpse *c)
{
    enum lost_class class = c->state == DIRECT ? LOST_DIRECT : LOST_INDIRECT;
    keep_example(s, c, class);
    if (!s->fresh_holder || c->state == DIRECT)
        s->fresh_holder = c->holder ? c->holder : s->fresh_holder;
    s->last_holder = s->fresh_holder ? s->fresh_holder : s->last_holder;
    add(&s->fresh[class], c->bytes);
    add(&s->lost[class][phase], c->bytes);
}

// F4.
static bool was_used(const struct corpse *c)
{
    return !(atomic_load(&c->note->flags) & NOTE_LOST) || atomic_load(&c->note->site) != c->site;
}

static void count_corpse(const struct corpse *c)
{
    if (c->state == OLD || c->state == IN_DOUBT || !c->note || was_used(c))
        return;
    struct site *s = site_get(c->site);
    make_fresh(s);
    (c->state == SUPPRESSED ? count_suppressed : count_lost)(s, c);
}

static void forget_fresh(void)
{
    struct site *next;
    for (; fresh; fresh = next) {
        next = fresh->fresh_next;
        memset(fresh->fresh, 0, sizeof fresh->fresh);
        memset(fresh->fresh_suppressed, 0, sizeof fresh->fresh_suppressed);
        memset(fresh->example, 0, sizeof fresh->example);
        fresh->fresh_holder = 0;
    }
}

struct site *findings_look(enum lost_phase in_phase, uint64_t at_ns, uint64_t since_ns)
{
    static bool said;
    phase = in_phase;
    before_ns = since_ns;
    now_ns = at_ns;
    count = 0;
    forget_fresh();
    probation_each(gather);
    if (no_room && !said)
        log_line("no memory to look at all lost blocks: some are counted as of no group");
    said |= no_room;
    for (size_t i = 0; i < count; i++)
        each_target(&corpses[i], note_reference);
    settle_all(is_ignored, OLD, OLD);
    settle_all(begins_suppressed, SUPPRESSED, SUPPRESSED);
    settle_all(begins_old, OLD, INDIRECT);
    settle_all(begins_direct, DIRECT, INDIRECT);
    settle_cycles();
    for (size_t i = 0; i < count; i++)
        count_corpse(&corpses[i]);
    return fresh;
}

// --- what lives -----------------------------------------------------------------------------------------------

static size_t slack_bytes;

size_t findings_slack_bytes(void) { return slack_bytes; }

static uint32_t walk_cycle;
static bool walk_stale;

static void walk_block(const struct note *note, uintptr_t base, size_t asked, size_t bytes)
{
    uint32_t id = atomic_load_explicit(&note->site, memory_order_relaxed);
    if (!id || id >= sites_end() || atomic_load_explicit(&note->flags, memory_order_relaxed) & NOTE_LOST)
        return;
    struct site *s = site_get(id);
    uint32_t weight = hunt_weight(note);
    uint64_t stands_for = (uint64_t)asked * weight;
    if (!s->walk_blocks || note->born < s->walk_oldest)
        s->walk_oldest = note->born;
    s->walk_blocks += weight;
    s->walk_bytes += stands_for;
    s->walk_born |= 1UL << note->born % 64;
    growth_meet(&s->growth, walk_cycle, note->born, stands_for);
    if (walk_stale)
        stale_meet(&s->stale, note->born, base, bytes, asked);
    slack_bytes += bytes - min_size(bytes, asked);
}

// A slot with a site is a block, or one that is being made or freed just now (N1 of heap/note.h).
static void walk_span(const struct span *span, unsigned bin)
{
    const struct size_class *c = &class_table[bin];
    const struct notes *notes = span->notes;
    for (unsigned slot = 0; notes && slot < min_size(c->slots, notes->capacity); slot++)
        walk_block(&notes->list[slot], span_base(span) + slot * (uintptr_t)c->size, notes->list[slot].bytes,
                   c->size);
}

static void walk_large(uint32_t id)
{
    const struct large *row = large_row(id);
    uintptr_t base = atomic_load(&row->base);
    if (base)
        walk_block(&row->note, base, row->asked_bytes, row->bytes);
}

void findings_walk(void)
{
    size_t units = (cage_top() - cage.base) >> UNIT_SHIFT;
    slack_bytes = 0;
    walk_cycle = atomic_load(&heap_cycle);
    walk_stale = stale_walk_begins();
    for (uint32_t id = 1; id < sites_end(); id++) {
        struct site *s = site_get(id);
        s->walk_blocks = s->walk_bytes = s->walk_born = 0;
        s->stale = (struct stale){0};
        growth_walk_begins(&s->growth, walk_cycle);
    }
    for (size_t unit = 0; unit < units; unit++) {
        uint32_t bin = cage_bin_plus_one(unit);
        if (bin && bin_is_noted(bin - 1))
            walk_span(&cage.spans[unit], bin - 1);
    }
    for (uint32_t id = 1; id < large_id_end(); id++)
        walk_large(id);
}
