#include "leak/reach.h"

#include "base/clock.h"
#include "base/meta.h"
#include "gc/origin.h"
#include "gc/pool.h"
#include "gc/scan.h"
#include "heap/guards.h"
#include "heap/quarantine.h"
#include "leak/roster.h"
#include "world/dead.h"
#include "world/pins.h"
#include "world/roots.h"
#include "world/stop.h"

#include <string.h>

// A block in 32 bits: how many grains above the cage's base it begins. As a parent it is that plus one; above PARENT_ROOT it is a root.
#define PARENT_ROOT   ((uint32_t)(REACH_HEAP_MOST / SLOT_GRAIN))
#define PARENT_CACHED UINT32_MAX
#define ROOTS_MOST    (PARENT_CACHED - PARENT_ROOT - 1)

enum { HOLES_MOST = 8192, TURNS = 64 };
#define PIECE_BYTES (64 * KIB)
#define SLICE_NS    10000000u

// A root, and what it leads to.
struct lead {
    struct reach_root root;
    uintptr_t value;
    enum reach_hold hold;
};

struct leads {
    struct lead *list;
    size_t count, room;
};

static uint32_t *parents; // by roster number
static uint32_t *queue;   // grains of blocks that were met, in that order
static uint32_t places, head, tail;
static size_t done_bytes;              // of the block at the head
static struct leads used;              // roots that blocks have for parents
static struct leads stacks, registers; // those that wait
static struct leads loose;             // and those of R6, which have no root to tell
static struct roots_hole *holes;       // stacks
static size_t hole_count;
static struct reach_count counted;
static reach_edge *on_edge;
static reach_met *on_met; // R6; NULL: not strictly
static bool only_firm;    // nothing else was taken yet
static const char *problem;
static const struct thread *visited; // whose roots are taken

// --- memory -------------------------------------------------------------------------------------------------------

static void drop_leads(struct leads *l)
{
    meta_drop(&l->list, l->room * sizeof l->list[0]);
    l->count = l->room = 0;
}

void reach_end(void)
{
    meta_drop(&parents, places * sizeof parents[0]);
    meta_drop(&queue, places * sizeof queue[0]);
    meta_drop(&holes, HOLES_MOST * sizeof holes[0]);
    drop_leads(&used);
    drop_leads(&stacks);
    drop_leads(&registers);
    drop_leads(&loose);
    roster_drop();
    places = 0;
}

static const char *begin(reach_edge *edge, reach_met *met)
{
    reach_end();
    head = tail = 0;
    done_bytes = hole_count = 0;
    counted = (struct reach_count){0};
    on_edge = edge;
    on_met = met;
    only_firm = true;
    problem = NULL;
    if (cage_top() - cage.base > REACH_HEAP_MOST)
        return "the heap is too large to be walked through";
    if (!roster_take())
        return "there is no memory to walk through the heap";
    places = roster_end();
    parents = meta_map(places * sizeof parents[0]);
    queue = meta_map(places * sizeof queue[0]);
    holes = meta_map(HOLES_MOST * sizeof holes[0]);
    if (parents && queue && holes)
        return NULL;
    reach_end();
    return "there is no memory to walk through the heap";
}

const char *reach_begin(reach_edge *edge) { return begin(edge, NULL); }

const char *reach_begin_strictly(reach_met *met) { return begin(NULL, met); }

static bool add_lead(struct leads *l, struct lead lead)
{
    size_t room = l->room ? 2 * l->room : 1024;
    if (l->count == l->room) {
        struct lead *bigger = room <= ROOTS_MOST ? meta_map(room * sizeof bigger[0]) : NULL;
        if (!bigger) {
            problem = "there is no memory for all roots";
            return false;
        }
        if (l->count)
            memcpy(bigger, l->list, l->count * sizeof bigger[0]);
        meta_drop(&l->list, l->room * sizeof l->list[0]);
        l->list = bigger;
        l->room = room;
    }
    l->list[l->count++] = lead;
    return true;
}

// --- meeting blocks -----------------------------------------------------------------------------------------------

static uint32_t grain_of(uintptr_t base) { return (uint32_t)((base - cage.base) / SLOT_GRAIN); }

static uintptr_t block_at(uint32_t grain) { return cage.base + (uintptr_t)grain * SLOT_GRAIN; }

// The entry of the block that this value leads to, NULL: none.
static uint32_t *entry_of(uintptr_t value, struct heap_block *b)
{
    *b = heap_find(value & SCAN_UNTAGGED);
    uint32_t number = b->allocated && b->base ? roster_number(b) : ROSTER_NONE;
    return number < places && parents[number] != PARENT_CACHED ? &parents[number] : NULL;
}

static void meet(uint32_t *entry, const struct heap_block *b, uint32_t parent, enum reach_hold hold)
{
    *entry = parent;
    queue[tail++] = grain_of(b->base);
    if (on_met)
        on_met(b, hold == HELD_FIRMLY && !only_firm ? HELD_THROUGH : hold);
}

// What the value is to the block, when it stands among these words.
static enum reach_hold hold_of(const char *at, size_t bytes, uintptr_t value, uintptr_t base)
{
    uintptr_t word;
    if (value != base)
        return HELD_INSIDE;
    for (size_t i = 0; i + sizeof word <= bytes; i += sizeof word) {
        memcpy(&word, at + i, sizeof word);
        if ((word & SCAN_UNTAGGED) == base)
            return HELD_FIRMLY;
    }
    return HELD_UNALIGNED;
}

static void take_lead(struct lead lead)
{
    struct heap_block b;
    uint32_t *entry = entry_of(lead.value, &b);
    if (!entry)
        return;
    if (on_edge)
        on_edge(NULL, &b, !*entry);
    if (!*entry && (on_met || add_lead(&used, lead)))
        meet(entry, &b, PARENT_ROOT + (uint32_t)used.count, lead.hold);
}

// Words of one kind come in rows.
static void take_later(struct leads *l, struct lead lead)
{
    if (!l->count || l->list[l->count - 1].value != lead.value)
        add_lead(l, lead);
}

static void take_lead_now_or_later(struct lead lead)
{
    if (lead.root.kind == REACH_STACK)
        add_lead(&stacks, lead);
    else if (lead.root.kind == REACH_REGISTERS)
        add_lead(&registers, lead);
    else if (lead.hold != HELD_FIRMLY)
        take_later(&loose, lead);
    else
        take_lead(lead);
}

size_t reach_place(const void *words, size_t bytes, uintptr_t value)
{
    uintptr_t word;
    for (size_t step = sizeof word; step; step = step == sizeof word ? 1 : 0) // where pointers belong first
        for (size_t at = 0; at + sizeof word <= bytes; at += step) {
            memcpy(&word, (const char *)words + at, sizeof word);
            if ((word & SCAN_UNTAGGED) == value || scan_unmangle(word) == value)
                return at;
        }
    return 0;
}

// Of a word that is no block's.
static enum reach_hold hold_of_root(enum reach_root_kind kind, bool code, const char *at, size_t bytes,
                                    uintptr_t value, uintptr_t base)
{
    if (kind == REACH_STACK || kind == REACH_REGISTERS)
        return HELD_BY_STACK;
    return on_met && !code ? hold_of(at, bytes, value, base) : HELD_FIRMLY;
}

typedef size_t filter_function(const void *from, size_t bytes, uintptr_t *out);

static void take_words(bool code, struct reach_root root, const char *at, size_t bytes)
{
    filter_function *filter = code ? scan_filter_code : scan_filter;
    uintptr_t found[SCAN_MAX_CANDIDATES];
    for (size_t block; bytes >= 8; at += block - 8, bytes -= block - 8) {
        block = min_size(align_down(bytes, 8), SCAN_BLOCK_BYTES);
        size_t count = filter(at, block, found);
        for (size_t i = 0; i < count; i++) {
            struct heap_block b;
            struct reach_root here = root;
            const uint32_t *entry = entry_of(found[i], &b);
            if (!entry || (*entry && !on_edge))
                continue;
            here.address += root.address && !*entry ? reach_place(at, block, found[i]) : 0;
            take_lead_now_or_later(
                (struct lead){here, found[i], hold_of_root(root.kind, code, at, block, found[i], b.base)});
        }
        if (block >= bytes - 7)
            return;
        root.address += root.address ? block - 8 : 0;
    }
}

void reach_take(enum reach_root_kind kind, pid_t tid, const void *words, size_t bytes, uintptr_t address)
{
    take_words(false, (struct reach_root){address, tid, (uint8_t)kind}, words, bytes);
}

// --- the world's roots --------------------------------------------------------------------------------------------

static void take_of_thread(const void *words, size_t bytes, enum holder_kind kind)
{
    uintptr_t at = (uintptr_t)words, frames_hi = visited->frames_hi;
    if (kind != HOLDER_STACK) {
        reach_take(REACH_REGISTERS, visited->tid, words, bytes, 0);
        return;
    }
    size_t below = frames_hi - at < bytes ? frames_hi - at : bytes;
    reach_take(REACH_STACK, visited->tid, words, below, at);
    reach_take(REACH_THREAD, visited->tid, (const char *)words + below, bytes - below, at + below);
}

static void take_stack_block(uintptr_t sp)
{
    take_lead_now_or_later((struct lead){{0, visited->tid, REACH_REGISTERS}, sp, HELD_BY_STACK});
}

static void leave_out(void *const *slots, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct heap_block b = heap_find((uintptr_t)slots[i]);
        uint32_t number = roster_number(&b);
        if (number < places && !parents[number])
            parents[number] = PARENT_CACHED;
    }
}

static void visit_thread(struct thread *t)
{
    visited = t;
    if (t->cache)
        cache_visit(t->cache, leave_out);
    origins_of_thread(t, take_of_thread, take_stack_block);
    if (hole_count < HOLES_MOST && origins_hole(t, &holes[hole_count]))
        hole_count++;
}

static void take_root(const void *words, size_t bytes, uintptr_t address, bool code)
{
    take_words(code, (struct reach_root){address, 0, REACH_MAPPING}, words, bytes);
}

static void take_pinned(uintptr_t value)
{
    take_lead((struct lead){{0, 0, REACH_KERNEL}, value & SCAN_UNTAGGED, HELD_FIRMLY});
}

static void take_pooled(uintptr_t item) { take_lead((struct lead){{0, 0, REACH_POOL}, item, HELD_FIRMLY}); }

static void take_protected(uintptr_t lo, uintptr_t hi, bool readable)
{
    (void)readable;
    for (; lo < hi; lo += SLOT_GRAIN)
        take_lead((struct lead){{0, 0, REACH_PROTECTED}, lo, HELD_FIRMLY});
}

const char *reach_take_world(void)
{
    const char *why = world_handshake(visit_thread);
    if (why)
        return why;
    hole_count += dead_stacks(holes + hole_count, HOLES_MOST - hole_count);
    roots_scan_running(holes, hole_count, take_root);
    pins_each(take_pinned);
    pools_visit_running(take_pooled);
    guards_each(take_protected);
    return problem ? problem : roots_bytes() ? NULL : "the program's mappings cannot be read";
}

// --- the walk -----------------------------------------------------------------------------------------------------

static void meet_or_wait(uint32_t *entry, const struct heap_block *b, uint32_t parent, struct lead lead)
{
    if (lead.hold == HELD_FIRMLY)
        meet(entry, b, parent, HELD_FIRMLY);
    else
        take_later(&loose, lead);
}

static void look_at(const struct heap_block *from, const char *at, size_t bytes)
{
    uintptr_t found[SCAN_MAX_CANDIDATES];
    uint32_t me = grain_of(from->base) + 1;
    for (size_t block; bytes >= 8; at += block - 8, bytes -= block - 8) {
        block = min_size(align_down(bytes, 8), SCAN_BLOCK_BYTES);
        size_t count = scan_filter(at, block, found);
        for (size_t i = 0; i < count; i++) {
            struct heap_block b;
            uint32_t *entry = entry_of(found[i], &b);
            if (entry && on_edge && b.base != from->base)
                on_edge(from, &b, !*entry);
            if (entry && !*entry)
                meet_or_wait(
                    entry, &b, me,
                    (struct lead){.value = found[i],
                                  .hold = on_met ? hold_of(at, block, found[i], b.base) : HELD_FIRMLY});
        }
        if (block >= bytes - 7)
            return;
    }
}

// The next piece of the block at the head; pieces overlap by a word (a pointer may lie across).
static void look_further(void)
{
    struct heap_block b = heap_find(block_at(queue[head]));
    uintptr_t at = b.base + done_bytes, end = min_size(b.base + b.bytes, cage_top()), part_end;
    bool is_there = b.allocated && b.start && at < end && !quarantine_is_sealed(&b);
    if (is_there && done_bytes == 0) {
        counted.blocks++;
        counted.bytes += b.bytes;
    }
    if (is_there && !heap_is_scanned(&b))
        end = at;
    bool more = is_there && end - at > PIECE_BYTES;
    end = more ? at + PIECE_BYTES + 8 : end;
    for (; is_there && guards_next_readable(&at, end, &part_end); at = part_end)
        look_at(&b, (const char *)at, part_end - at);
    done_bytes = more ? done_bytes + PIECE_BYTES : 0;
    head += !more;
}

// Of those that wait the last: of a stack the outermost frames come first. Each when all that was met before it is read.
static void take_last(struct leads *l)
{
    struct heap_block b;
    struct lead lead = l->list[--l->count];
    const uint32_t *entry = entry_of(lead.value, &b);
    only_firm = false;
    if (entry && !*entry)
        take_lead(lead);
}

static bool take_waiting(void)
{
    while (head == tail && loose.count)
        take_last(&loose);
    while (head == tail && stacks.count)
        take_last(&stacks);
    while (head == tail && registers.count)
        take_last(&registers);
    return head < tail;
}

bool reach_step(uint64_t until_ns)
{
    while (!problem) {
        for (int turn = 0; turn < TURNS; turn++) {
            if (head == tail && !take_waiting())
                return true;
            look_further();
        }
        if (clock_ns() >= until_ns)
            return false;
    }
    return true;
}

bool reach_step_for(uint64_t cpu_ns, bool (*step)(uint64_t until_ns))
{
    uint64_t end_ns = clock_thread_cpu_ns() + cpu_ns;
    bool done;
    while (!(done = step(clock_ns() + SLICE_NS)) && clock_thread_cpu_ns() < end_ns)
        ;
    return done;
}

const char *reach_problem(void) { return problem; }

bool reach_is_under_way(void) { return parents; }

struct reach_count reach_counted(void) { return counted; }

bool reach_parent(uintptr_t base, uintptr_t *parent, const struct reach_root **root)
{
    struct heap_block b;
    const uint32_t *entry = places ? entry_of(base, &b) : NULL;
    uint32_t is = entry ? *entry : 0;
    *root = is > PARENT_ROOT ? &used.list[is - PARENT_ROOT - 1].root : NULL;
    *parent = is && !*root ? block_at(is - 1) : 0;
    return is;
}
