#include "heap/finalizer.h"

#include "heap/heap.h"
#include "heap/special.h"

enum { BATCH = 64, LOOKED_MOST = 1024 }; // blocks to scan, and records looked at, while the lock is held

// A record is in one of them: not looked at in this cycle, found unmarked, found marked.
static struct ring fresh = {&fresh, &fresh}, unmarked = {&unmarked, &unmarked}, marked = {&marked, &marked};
static size_t count;

static struct special *record_of(struct ring *r)
{
    return (struct special *)((char *)r - offsetof(struct special, ring));
}

static bool is_empty(const struct ring *list) { return list->next == list; }

static void take_out(struct ring *r)
{
    r->before->next = r->next;
    r->next->before = r->before;
}

static void put_into(struct ring *list, struct ring *r)
{
    r->next = list;
    r->before = list->before;
    r->before->next = list->before = r;
}

static void move_all(struct ring *from, struct ring *to)
{
    if (is_empty(from))
        return;
    from->next->before = to->before;
    to->before->next = from->next;
    from->before->next = to;
    to->before = from->before;
    *from = (struct ring){from, from};
}

void finalizer_add_locked(struct special *s)
{
    put_into(&fresh, &s->ring);
    count++;
}

void finalizer_remove_locked(struct special *s)
{
    take_out(&s->ring);
    count--;
}

static bool is_marked(uintptr_t base)
{
    size_t unit = cage_unit(base);
    uint32_t bin = cage_bin_plus_one(unit);
    if (!bin)
        return atomic_load_explicit(&large_row(large_id_at(base))->mark, memory_order_relaxed);
    uint32_t slot = slot_of(&class_table[bin - 1], (uint32_t)(base - cage.base) & (UNIT_BYTES - 1));
    uint64_t mark = atomic_load_explicit(&cage.words[unit * WORDS_PER_SPAN + slot / 64].mark,
                                         memory_order_relaxed);
    return mark >> slot % 64 & 1;
}

// Looks at some of the fresh ones, at most *most; the unmarked among them, into out.
static size_t look(uintptr_t *out, size_t *most)
{
    size_t found = 0;
    lock_acquire(&specials_guard);
    for (size_t looked = 0; looked < LOOKED_MOST && *most && found < BATCH && !is_empty(&fresh); looked++) {
        struct ring *r = fresh.next;
        uintptr_t base = record_of(r)->base;
        bool is = is_marked(base);
        take_out(r);
        put_into(is ? &marked : &unmarked, r);
        if (!is)
            out[found++] = base;
        --*most;
    }
    if (is_empty(&fresh))
        *most = 0;
    lock_release(&specials_guard);
    return found;
}

static bool visit(size_t most, void (*scan)(uintptr_t base))
{
    uintptr_t some[BATCH];
    bool any = false;
    while (most) {
        size_t n = look(some, &most);
        for (size_t i = 0; i < n; i++)
            scan(some[i]);
        any |= n;
    }
    return any;
}

// How many there are to look at.
static size_t begin(bool all)
{
    lock_acquire(&specials_guard);
    if (all)
        move_all(&marked, &fresh);
    move_all(&unmarked, &fresh);
    size_t n = is_empty(&fresh) ? 0 : count;
    lock_release(&specials_guard);
    return n;
}

bool finalizers_visit_running(void (*scan)(uintptr_t base)) { return visit(begin(true), scan); }

bool finalizers_visit_stopped(bool all, void (*scan)(uintptr_t base)) { return visit(begin(all), scan); }
