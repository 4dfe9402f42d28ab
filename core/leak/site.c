#include "leak/site.h"

#include "base/bits.h"
#include "base/crit.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/meta.h"
#include "heap/cache.h"
#include "leak/module.h"

#include <string.h>

enum { BUCKETS = 1 << 16, COMMIT = 4096 };

static struct lock guard = LOCK_INIT(LOCK_RANK_SITES);
static struct site *_Atomic *buckets;
static struct site **table;
static uint32_t committed;
static _Atomic uint32_t end;
static size_t used_bytes;
static bool full;
static uint64_t looked_ns; // when samples were taken last; 0: never

static uint32_t hash_of(const uintptr_t *frames, size_t depth)
{
    uint64_t h = depth;
    for (size_t i = 0; i < depth; i++) {
        h = (h ^ frames[i]) * 0x9e3779b97f4a7c15;
        h ^= h >> 32;
    }
    return (uint32_t)h;
}

static bool is_it(const struct site *s, uint32_t hash, const uintptr_t *frames, size_t depth)
{
    return s->hash == hash && s->depth == depth && !atomic_load_explicit(&s->retired, memory_order_relaxed) &&
           memcmp(s->frames, frames, depth * sizeof frames[0]) == 0;
}

static struct site *find(uint32_t hash, const uintptr_t *frames, size_t depth)
{
    struct site *s = atomic_load_explicit(&buckets[hash % BUCKETS], memory_order_acquire);
    while (s && !is_it(s, hash, frames, depth))
        s = s->next;
    return s;
}

static bool room_locked(size_t bytes)
{
    bool there = end < SITES_MAX && used_bytes + bytes <= SITES_BYTES_MAX;
    if (there && end == committed) {
        there = meta_commit(&table[committed], COMMIT * sizeof table[0]);
        committed += there ? COMMIT : 0;
    }
    return there;
}

static struct site *add_locked(uint32_t hash, const uintptr_t *frames, size_t depth)
{
    size_t bytes = sizeof(struct site) + depth * (sizeof frames[0] + sizeof(uint16_t));
    struct site *s = room_locked(bytes) ? meta_alloc(bytes) : NULL;
    if (!s)
        return NULL;
    used_bytes += bytes;
    s->hash = hash;
    s->depth = (uint16_t)depth;
    s->id = end;
    s->modules = (uint16_t *)(s->frames + depth);
    memcpy(s->frames, frames, depth * sizeof frames[0]);
    for (size_t i = 0; i < depth; i++)
        s->modules[i] = module_of_locked(frames[i] - 1);
    s->next = buckets[hash % BUCKETS];
    table[end] = s;
    atomic_store_explicit(
        &end, end + 1,
        memory_order_release); // first: a child forked between the two has lost a site, not its number
    atomic_store_explicit(&buckets[hash % BUCKETS], s, memory_order_release);
    return s;
}

static uint32_t add(uint32_t hash, const uintptr_t *frames, size_t depth)
{
    bool first_refusal = false;
    crit_enter();
    lock_acquire(&guard);
    struct site *s = find(hash, frames, depth);
    if (!s)
        s = add_locked(hash, frames, depth);
    if (!s && !full)
        first_refusal = full = true;
    lock_release(&guard);
    crit_leave();
    if (first_refusal)
        log_line("no room for further allocation stacks (%u are known): new ones are counted as one", end);
    return s ? s->id : SITE_UNKNOWN;
}

bool sites_boot(void)
{
    static const uintptr_t nowhere = 1;
    buckets = meta_map(BUCKETS * sizeof buckets[0]);
    table = meta_reserve(SITES_MAX * sizeof table[0]);
    if (!buckets || !table)
        return false;
    atomic_store(&end, 1);
    if (!meta_commit(table, COMMIT * sizeof table[0]))
        return false;
    committed = COMMIT;
    return add(0, &nowhere, 1) == SITE_UNKNOWN;
}

uint32_t site_of(const uintptr_t *frames, size_t depth)
{
    uint32_t hash = hash_of(frames, depth);
    const struct site *s = find(hash, frames, depth);
    return likely(s) ? s->id : add(hash, frames, depth);
}

struct site *site_get(uint32_t id) { return table[id]; }

uint32_t sites_end(void) { return atomic_load_explicit(&end, memory_order_acquire); }

void site_count_alloc(uint32_t id, uint64_t blocks, size_t each)
{
    uint64_t bytes = blocks * each;
    struct site *s = table[id];
    if (atomic_load_explicit(&cache_one_thread, memory_order_relaxed)) {
        atomic_store_explicit(&s->allocated_blocks, s->allocated_blocks + blocks, memory_order_relaxed);
        atomic_store_explicit(&s->allocated_bytes, s->allocated_bytes + bytes, memory_order_relaxed);
    } else {
        atomic_fetch_add_explicit(&s->allocated_blocks, blocks, memory_order_relaxed);
        atomic_fetch_add_explicit(&s->allocated_bytes, bytes, memory_order_relaxed);
    }
}

void site_count_lost_sample(uint32_t id, uint64_t blocks, size_t each)
{
    atomic_fetch_add_explicit(&table[id]->lost_samples, blocks, memory_order_relaxed);
    atomic_fetch_add_explicit(&table[id]->lost_sample_bytes, blocks * each, memory_order_relaxed);
}

const char *const lost_class_names[LOST_CLASSES] = {"direct", "indirect"};
const char *const lost_phase_names[PHASES] = {"run", "exit", "late"};

void lost_add(struct lost_count *to, const struct lost_count *more)
{
    to->blocks += more->blocks;
    to->bytes += more->bytes;
}

struct lost_count site_lost(const struct site *s)
{
    struct lost_count all = {0};
    for (int class = 0; class < LOST_CLASSES; class ++)
        for (int phase = 0; phase < PHASES; phase++)
            lost_add(&all, &s->lost[class][phase]);
    return all;
}

void sites_take_samples(uint64_t now_ns)
{
    for (uint32_t id = 1; id < sites_end(); id++) {
        struct site *s = table[id];
        struct lost_count *lost = &s->lost[LOST_DIRECT][PHASE_RUN];
        uint64_t blocks = atomic_load(&s->lost_samples);
        if (blocks == lost->blocks)
            continue;
        if (!s->first_ns) {
            s->first_ns = now_ns;
            s->since_ns = looked_ns;
        }
        s->last_ns = now_ns;
        *lost = (struct lost_count){blocks, atomic_load(&s->lost_sample_bytes)};
    }
    looked_ns = now_ns;
}

static bool any_gone(const struct site *s)
{
    for (size_t i = 0; i < s->depth; i++)
        if (s->modules[i] && module_get(s->modules[i])->gone)
            return true;
    return false;
}

void sites_check_modules(void)
{
    crit_enter();
    lock_acquire(&guard);
    bool some = modules_check_locked();
    for (uint32_t id = 1; some && id < end; id++)
        if (!table[id]->retired && any_gone(table[id]))
            table[id]->retired = true;
    lock_release(&guard);
    crit_leave();
}

uint16_t module_at(uintptr_t address)
{
    lock_acquire(&guard);
    uint16_t index = module_of_locked(address);
    lock_release(&guard);
    return index;
}

size_t sites_bytes(void) { return used_bytes; }

void sites_fork_child(void) { guard = (struct lock)LOCK_INIT(LOCK_RANK_SITES); }

void sites_forget_findings(void)
{
    looked_ns = 0;
    for (uint32_t id = 1; id < sites_end(); id++) {
        memset(table[id]->lost, 0, sizeof table[id]->lost);
        table[id]->suppressed = (struct lost_count){0};
        table[id]->since_ns = table[id]->first_ns = table[id]->last_ns = 0;
        table[id]->last_holder = 0;
        table[id]->growth = (struct growth){0};
        table[id]->written = false;
    }
    for (uint16_t i = 1; i < modules_end(); i++)
        module_mark(i)->written = false;
}
