#include "leak/recall.h"

#include "base/bits.h"
#include "base/crit.h"
#include "base/lock.h"
#include "base/meta.h"
#include "heap/guards.h"
#include "leak/site.h"
#include "leak/stack.h"
#include "world/thread.h"

#include <stdbool.h>
#include <stddef.h>

enum { ENTRIES = 128, FRAMES = 48 };
enum { PRICE = 64, FIRST_CREDIT = 64 * PRICE }; // of learning, in stacks recalled

struct entry {
    const void *caller;
    uintptr_t frame;
    const struct site *site;
    uint32_t slots; // that are known, the site's depth; 0: none yet (R1)
    uint16_t slot
        [FRAMES]; // of each return address, in words above the frame; the innermost is the caller's, and not looked at
};

struct table {
    struct table *next; // of those without a thread
    uintptr_t learning; // the frame it learns for; 0: none (R4)
    uint32_t credit;    // R1
    struct entry entries[ENTRIES];
};

static __thread struct table *own;
static struct lock guard = LOCK_INIT(LOCK_RANK_SITES);
static struct table *spare;

static struct entry *entry_of(const void *caller, uintptr_t frame)
{
    uint64_t key = ((uintptr_t)caller ^ frame << 20 ^ frame >> 3) * 0x9e3779b97f4a7c15;
    return &own->entries[key >> 57];
}

_Static_assert(ENTRIES == 1 << (64 - 57), "the key's highest bits");

// A coroutine's stack in the heap may lie where one with other bounds was, and the program protects pages between them (heap/guards.h).
static bool may_be_unreadable(uintptr_t frame)
{
    return atomic_load_explicit(&guards_some, memory_order_relaxed) &&
           !(thread_self && frame >= thread_self->stack_lo && frame < thread_self->stack_hi);
}

// Below a frame that learns; who comes from above it has jumped out of a handler.
static bool is_learning(uintptr_t frame) { return frame < own->learning; }

uint32_t recall(const void *caller, uintptr_t frame)
{
    if (unlikely(!own) || unlikely(is_learning(frame)) || unlikely(may_be_unreadable(frame)))
        return 0;
    const struct entry *e = entry_of(caller, frame);
    const uintptr_t *words = (const uintptr_t *)frame;
    if (e->caller != caller || e->frame != frame || !e->slots)
        return 0;
    for (uint32_t i = 1; i < e->slots; i++)
        if (words[e->slot[i]] != e->site->frames[i])
            return 0;
    own->credit++;
    return atomic_load_explicit(&e->site->retired, memory_order_relaxed) ? 0 : e->site->id;
}

static struct table *take_table(void)
{
    crit_enter();
    lock_acquire(&guard);
    struct table *t = spare;
    if (t)
        spare = t->next;
    lock_release(&guard);
    if (!t)
        t = meta_alloc(sizeof *t);
    if (t)
        t->credit = FIRST_CREDIT;
    crit_leave();
    return t;
}

static void find_slots(struct entry *e)
{
    uintptr_t places[FRAMES];
    const struct site *s = e->site;
    if (s->depth > 1 && (own->credit < PRICE || s->depth > FRAMES))
        return;
    own->credit -= s->depth > 1 ? PRICE : 0;
    if (s->depth > 1 && !stack_return_slots(s->frames, places, s->depth))
        return;
    for (uint32_t i = 1; i < s->depth; i++) {
        uintptr_t words = (places[i] - e->frame) / sizeof(uintptr_t);
        if (places[i] < e->frame || words > UINT16_MAX)
            return;
        e->slot[i] = (uint16_t)words;
    }
    e->slots = s->depth;
}

static void learn(const void *caller, uintptr_t frame, uint32_t site)
{
    struct entry *e = entry_of(caller, frame);
    if (e->caller == caller && e->frame == frame && e->site == site_get(site)) {
        if (!e->slots)
            find_slots(e);
    } else {
        e->caller = caller;
        e->frame = frame;
        e->site = site_get(site);
        e->slots = 0;
    }
}

void recall_learn(const void *caller, uintptr_t frame, uint32_t site)
{
    if (!thread_self || (!own && !(own = take_table())) ||
        is_learning(frame)) // at its end a thread gives its table back once
        return;
    own->learning = frame;
    atomic_signal_fence(memory_order_seq_cst);
    learn(caller, frame, site);
    atomic_signal_fence(memory_order_seq_cst);
    own->learning = 0;
}

void recall_thread_exit(void)
{
    struct table *t = own;
    if (!t)
        return;
    crit_enter();
    own = NULL;
    for (size_t i = 0; i < ENTRIES; i++)
        t->entries[i] = (struct entry){0};
    lock_acquire(&guard);
    t->next = spare;
    spare = t;
    lock_release(&guard);
    crit_leave();
}

// What the lock guards is whole at every moment: at worst a table is lost.
void recall_fork_child(void) { guard = (struct lock)LOCK_INIT(LOCK_RANK_SITES); }
