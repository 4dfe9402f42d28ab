#include "gc/pool.h"

#include "base/crit.h"
#include "base/lock.h"
#include "base/meta.h"
#include "heap/extent.h"
#include "heap/note.h"

#include <string.h>

enum { OWN = 8, STACK_FIRST = 32, STACK_KEPT = 1024, VISIT_AT_ONCE = 256, SEATS_FIRST = 16 };

struct stack {
    void **items;
    uint32_t count, room;
    uint32_t low; // Q4
};

struct shard {
    void *own[OWN];
    uint32_t own_count;
    uint32_t stamp;             // Q1
    struct pool *_Atomic pool;  // NULL: none
    const void *_Atomic owner;  // its thread's seats; NULL: nobody
    struct shard *_Atomic next; // of the pool's, or of the unused ones
    struct lock guard;
    uint32_t visited; // the visit that low is of
    struct stack primary, victims;
};

struct pool {
    struct shard *_Atomic shards;
    struct pool *_Atomic next; // of all
    uint32_t seat;             // its place in every thread's seats; constant
    bool used;
};

static struct lock guard = LOCK_INIT(LOCK_RANK_POOLS); // lists, and who owns a shard
static struct pool *_Atomic pools;
static struct shard *unused;
static uint32_t seats_end;
static uint32_t visit; // number of the last one beside the program

// The thread's shards, by pools' seats.
static __thread struct {
    struct shard **shards;
    uint32_t count;
} seats;

static uint32_t epoch_now(void) { return atomic_load_explicit(&heap_sweep_epoch, memory_order_relaxed); }

// --- stacks -------------------------------------------------------------------------------------------------

static bool make_room(struct stack *s)
{
    uint32_t room = s->room ? 2 * s->room : STACK_FIRST;
    void **bigger = room > s->room ? extent_meta_alloc(room * sizeof bigger[0]) : NULL;
    if (!bigger)
        return false;
    if (s->items) {
        memcpy(bigger, s->items, s->count * sizeof bigger[0]);
        extent_meta_free(s->items);
    }
    s->items = bigger;
    s->room = room;
    return true;
}

static bool push(struct stack *s, void *item)
{
    if (s->count == s->room && !make_room(s))
        return false;
    s->items[s->count] = item;
    __atomic_store_n(&s->count, s->count + 1, __ATOMIC_RELAXED); // thieves look before they lock
    return true;
}

// Not an empty one.
static void *pop(struct stack *s)
{
    __atomic_store_n(&s->count, s->count - 1, __ATOMIC_RELAXED);
    s->low = s->low < s->count ? s->low : s->count;
    return s->items[s->count];
}

static bool is_empty(const struct stack *s) { return __atomic_load_n(&s->count, __ATOMIC_RELAXED) == 0; }

static void clear(struct stack *s)
{
    __atomic_store_n(&s->count, 0, __ATOMIC_RELAXED);
    s->low = 0;
    if (s->room <= STACK_KEPT)
        return;
    extent_meta_free(s->items);
    s->items = NULL;
    s->room = 0;
}

static void take_items(void *const *items, uint32_t from, uint32_t to, void (*take)(uintptr_t item))
{
    for (uint32_t i = from; i < to; i++)
        take((uintptr_t)__atomic_load_n(&items[i], __ATOMIC_RELAXED));
}

// --- generations --------------------------------------------------------------------------------------------

// Stops since the shard's youngest generation began.
static uint32_t age_of(const struct shard *s) { return (epoch_now() - s->stamp) / 2; }

// The stack with what was put so many stops ago; NULL: there is none.
static struct stack *generation(struct shard *s, uint32_t stops)
{
    uint32_t age = age_of(s);
    return age == stops ? &s->primary : age + 1 == stops ? &s->victims : NULL;
}

static void clear_locked(struct shard *s)
{
    s->own_count = 0;
    clear(&s->primary);
    clear(&s->victims);
    s->stamp = epoch_now();
}

static void make_victims_locked(struct shard *s)
{
    struct stack old = s->victims;
    while (s->own_count && push(&s->primary, s->own[s->own_count - 1]))
        s->own_count--;
    s->own_count = 0;
    s->victims = s->primary;
    clear(&old);
    s->primary = old;
    s->stamp = epoch_now();
}

// The owner's part at its first call after a stop.
static void grow_older(struct shard *s)
{
    lock_acquire(&s->guard);
    (age_of(s) == 1 ? make_victims_locked : clear_locked)(s);
    lock_release(&s->guard);
}

// --- seats --------------------------------------------------------------------------------------------------

static bool make_seats(uint32_t seat)
{
    uint32_t count = seats.count ? seats.count : SEATS_FIRST;
    while (count <= seat)
        count *= 2;
    struct shard **more = extent_meta_alloc(count * sizeof more[0]);
    if (!more)
        return false;
    if (seats.shards) {
        memcpy(more, seats.shards, seats.count * sizeof more[0]);
        extent_meta_free(seats.shards);
    }
    seats.shards = more;
    seats.count = count;
    return true;
}

static struct shard *take_unused_locked(struct pool *pool)
{
    struct shard *s = unused;
    if (s)
        unused = s->next;
    else
        s = meta_alloc(sizeof *s);
    if (!s)
        return NULL;
    s->guard.rank = LOCK_RANK_SHARD;
    s->stamp = epoch_now();
    s->pool = pool;
    s->next = pool->shards;
    atomic_store(&pool->shards, s);
    return s;
}

// One whose thread is gone, with what it has, or a new one.
static struct shard *adopt(struct pool *pool)
{
    lock_acquire(&guard);
    struct shard *s = pool->shards;
    while (s && s->owner)
        s = s->next;
    if (!s)
        s = take_unused_locked(pool);
    if (s)
        s->owner = &seats;
    lock_release(&guard);
    return s;
}

static __attribute__((noinline)) struct shard *sit_down(struct pool *pool)
{
    if (pool->seat >= seats.count && !make_seats(pool->seat))
        return NULL;
    struct shard *s = adopt(pool);
    seats.shards[pool->seat] = s;
    return s;
}

static bool is_mine(const struct shard *s, const struct pool *pool)
{
    return s && atomic_load_explicit(&s->owner, memory_order_relaxed) == &seats &&
           atomic_load_explicit(&s->pool, memory_order_relaxed) == pool;
}

// The thread's shard of this pool as of this epoch; NULL: no memory.
static inline struct shard *own_shard(struct pool *pool)
{
    struct shard *s = pool->seat < seats.count ? seats.shards[pool->seat] : NULL;
    if (unlikely(!is_mine(s, pool)))
        s = sit_down(pool);
    if (s && unlikely(s->stamp != epoch_now()))
        grow_older(s);
    return s;
}

void pools_thread_exit(void)
{
    crit_enter();
    for (uint32_t i = 0; i < seats.count; i++) {
        struct shard *s = seats.shards[i];
        if (!s || s->owner != &seats)
            continue;
        lock_acquire(&s->guard);
        while (age_of(s) < 2 && s->own_count && push(&s->primary, s->own[s->own_count - 1]))
            s->own_count--;
        s->own_count = 0;
        lock_release(&s->guard);
        atomic_store(&s->owner, NULL);
    }
    if (seats.shards)
        extent_meta_free(seats.shards);
    seats.shards = NULL;
    seats.count = 0;
    crit_leave();
}

// --- getting ------------------------------------------------------------------------------------------------

// Up to `most` items of that generation, from anybody's shard, to the owner's own; whether there were any.
static bool take_from(struct shard *from, uint32_t stops, struct shard *to, uint32_t most)
{
    if (is_empty(&from->primary) && is_empty(&from->victims))
        return false;
    lock_acquire(&from->guard);
    struct stack *s = generation(from, stops);
    while (s && s->count && to->own_count < most)
        to->own[to->own_count++] = pop(s);
    lock_release(&from->guard);
    return to->own_count;
}

static bool take_from_any(struct pool *pool, uint32_t stops, struct shard *to, uint32_t most)
{
    bool found = take_from(to, stops, to, most);
    for (struct shard *s = pool->shards; s && !found; s = s->next)
        found = s != to && take_from(s, stops, to, most);
    return found;
}

// A victim comes alone, into the hands of who asked: among the owner's own it would be young again.
static __attribute__((noinline)) bool find_some(struct pool *pool, struct shard *s)
{
    return take_from_any(pool, 0, s, OWN / 2) || take_from_any(pool, 1, s, 1);
}

void *pool_get(struct pool *pool)
{
    void *item = NULL;
    crit_enter();
    struct shard *s = own_shard(pool);
    if (s && (likely(s->own_count) || find_some(pool, s)))
        item = s->own[--s->own_count];
    crit_leave();
    return item;
}

// --- putting ------------------------------------------------------------------------------------------------

// Half of the owner's own become everybody's, the older half.
static __attribute__((noinline)) bool share(struct shard *s)
{
    uint32_t shared = 0;
    lock_acquire(&s->guard);
    while (shared < OWN / 2 && push(&s->primary, s->own[shared]))
        shared++;
    lock_release(&s->guard);
    memmove(s->own, s->own + shared, (OWN - shared) * sizeof s->own[0]);
    s->own_count = OWN - shared;
    return shared;
}

bool pool_put(struct pool *pool, void *item)
{
    crit_enter();
    struct shard *s = own_shard(pool);
    bool room = s && (likely(s->own_count < OWN) || share(s));
    if (room)
        s->own[s->own_count++] = item;
    crit_leave();
    return room;
}

// --- pools --------------------------------------------------------------------------------------------------

static struct pool *first_unused_locked(void)
{
    struct pool *pool = pools;
    while (pool && pool->used)
        pool = pool->next;
    if (pool || !(pool = meta_alloc(sizeof *pool)))
        return pool;
    pool->seat = seats_end++;
    pool->next = pools;
    atomic_store(&pools, pool);
    return pool;
}

struct pool *pool_new(void)
{
    crit_enter();
    lock_acquire(&guard);
    struct pool *pool = first_unused_locked();
    if (pool)
        pool->used = true;
    lock_release(&guard);
    crit_leave();
    return pool;
}

static void give_up_locked(struct shard *s)
{
    lock_acquire(&s->guard);
    for (uint32_t stops = 0; stops < 2; stops++) {
        const struct stack *there = generation(s, stops);
        if (there)
            take_items(there->items, 0, there->count, note_ignore);
        if (age_of(s) == stops)
            take_items(s->own, 0, s->own_count, note_ignore);
    }
    clear_locked(s);
    lock_release(&s->guard);
    s->pool = NULL;
    s->owner = NULL;
    s->next = unused;
    unused = s;
}

void pool_free(struct pool *pool)
{
    crit_enter();
    lock_acquire(&guard);
    for (struct shard *s = atomic_exchange(&pool->shards, NULL), *next; s; s = next) {
        next = s->next;
        give_up_locked(s);
    }
    pool->used = false;
    lock_release(&guard);
    crit_leave();
}

// --- roots --------------------------------------------------------------------------------------------------

static void each_shard(void (*do_it)(struct shard *s))
{
    for (struct pool *pool = pools; pool; pool = pool->next)
        for (struct shard *s = pool->shards; s; s = s->next)
            do_it(s);
}

static struct {
    void (*take)(uintptr_t item);
    void (*dropped)(uintptr_t item);
    bool all;
} now;

static void take_own(const struct shard *s, void (*take)(uintptr_t item))
{
    take_items(s->own, 0, min_size(__atomic_load_n(&s->own_count, __ATOMIC_RELAXED), OWN), take);
}

// In small parts: the owner may be waiting.
static bool visit_part(struct shard *s)
{
    lock_acquire(&s->guard);
    struct stack *primary = &s->primary;
    if (s->visited != visit)
        primary->low = 0;
    s->visited = visit;
    uint32_t from = primary->low, to = min_size(from + VISIT_AT_ONCE, primary->count);
    bool is_root = age_of(s) == 0;
    if (is_root) {
        take_items(primary->items, from, to, now.take);
        primary->low = to;
    }
    bool more = is_root && to < primary->count;
    lock_release(&s->guard);
    return more;
}

static void visit_running(struct shard *s)
{
    if (age_of(s) == 0)
        take_own(s, now.take);
    while (visit_part(s))
        ;
}

void pools_visit_running(void (*take)(uintptr_t item))
{
    now.take = take;
    visit++;
    each_shard(visit_running);
}

static void visit_stopped(struct shard *s)
{
    uint32_t age = age_of(s);
    if (age == 0) {
        take_own(s, now.take);
        take_items(s->primary.items, now.all || s->visited != visit ? 0 : s->primary.low, s->primary.count,
                   now.take);
    } else if (age == 1 && now.dropped) {
        take_own(s, now.dropped);
    }
    struct stack *last = generation(s, 1);
    if (last && now.dropped)
        take_items(last->items, 0, last->count, now.dropped);
}

void pools_visit_stopped(bool all, void (*take)(uintptr_t item), void (*dropped)(uintptr_t item))
{
    now.take = take;
    now.dropped = dropped;
    now.all = all;
    each_shard(visit_stopped);
}

// --- fork ---------------------------------------------------------------------------------------------------

void pools_fork_prepare(void) { lock_acquire(&guard); }

void pools_fork_parent(void) { lock_release(&guard); }

// What a thread that is not here had of its own, and a shard that somebody was at, are lost: their items are nobody's.
static void forget_others(struct shard *s)
{
    bool mine = s->owner == &seats, busy = s->guard.word;
    if (!mine)
        s->own_count = 0;
    if (busy) {
        lock_reset(&s->guard);
        s->primary = s->victims = (struct stack){0};
    }
    if (!mine)
        s->owner = NULL;
}

void pools_fork_child(void)
{
    each_shard(forget_others);
    lock_release(&guard);
}
