#include "heap/large.h"

#include "base/crit.h"
#include "base/log.h"
#include "base/meta.h"
#include "base/options.h"
#include "heap/extent.h"
#include "heap/guards.h"
#include "heap/heap.h"
#include "heap/probation.h"
#include "heap/quarantine.h"
#include "heap/special.h"
#include "heap/taint.h"
#include "sys/syscall.h"

#include <string.h>
#include <sys/mman.h>

static struct lock guard = LOCK_INIT(LOCK_RANK_LARGE);
static struct large *rows; // constant once there; committed up to row_capacity
static uint32_t row_limit; // constant after boot: no more can fit the cage
static uint32_t row_capacity, row_end = 1, free_row, limbo_row; // guarded by guard; row_end monotone

enum { ROWS_PER_COMMIT = 4096 };

void large_boot(void)
{
    row_limit = (uint32_t)min_size(cage.bytes / SMALL_MAX + 1, UINT32_MAX); // 0 is nobody's
    rows = meta_reserve(row_limit * sizeof rows[0]);
}

struct large *large_row(uint32_t id) { return &rows[id]; }

uint32_t large_id_end(void) { return __atomic_load_n(&row_end, __ATOMIC_ACQUIRE); }

static bool grow_rows_locked(void)
{
    if (row_end < row_capacity)
        return true;
    if (!rows)
        large_boot();
    uint32_t more = (uint32_t)min_size(ROWS_PER_COMMIT, row_limit - row_capacity);
    if (!rows || !more || !meta_commit(&rows[row_capacity], more * sizeof rows[0]))
        return false;
    row_capacity += more;
    return true;
}

static uint32_t take_row(void)
{
    uint32_t id = 0;
    lock_acquire(&guard);
    if (free_row) {
        id = free_row;
        free_row = rows[id].next;
    } else if (grow_rows_locked()) {
        id = row_end;
        __atomic_store_n(&row_end, row_end + 1, __ATOMIC_RELEASE);
    }
    if (id)
        rows[id].epoch = heap_sweep_epoch; // L3
    lock_release(&guard);
    return id;
}

static void give_row(uint32_t id)
{
    lock_acquire(&guard);
    uint32_t *list = atomic_load(&heap_marking) ? &limbo_row : &free_row; // L2
    rows[id].next = *list;
    *list = id;
    lock_release(&guard);
}

static void set_pages(uintptr_t start, size_t bytes, uint32_t id)
{
    size_t first = cage_page(start), end = first + (bytes >> PAGE_SHIFT);
    for (size_t page = first; page < end; page++)
        atomic_store_explicit(&cage.pages[page], id, memory_order_release);
}

// Zero bytes asked of a large block still hold one past the end.
static size_t bytes_for(size_t n) { return n >= SIZE_MAX - PAGE_BYTES ? 0 : align_up(n + 1, PAGE_BYTES); }

static void empty(void *start, size_t bytes)
{
    if (sys_madvise(start, bytes, MADV_DONTNEED) != 0)
        memset(start, 0, bytes);
}

// Bytes of the block go, and the pages say so (T5), while it is marked, and not because a sweep that is due has not cleared the mark yet.
static void taint(const struct large *row, uintptr_t lo, uintptr_t hi)
{
    atomic_thread_fence(memory_order_seq_cst);
    bool is_due = __atomic_load_n(&row->epoch, __ATOMIC_RELAXED) != heap_sweep_epoch;
    if (row->mark && (!is_due || heap_keeps_marks))
        taint_units(lo, hi);
}

// T5. Nobody has the block yet.
static void be_born_marked(struct large *row)
{
    if (options.verify)
        empty((void *)row->base, row->bytes); // T3
    atomic_store_explicit(&row->mark, 1, memory_order_relaxed);
}

void *large_alloc(size_t n, size_t alignment, bool zeroed, bool noarm)
{
    size_t usable, bytes = bytes_for(n);
    if (!bytes || bytes > cage.bytes)
        return NULL;
    uint32_t id = take_row();
    if (!id)
        return NULL;
    void *start = extent_alloc(bytes, max_size(alignment, PAGE_BYTES), zeroed, &usable);
    if (!start && span_return_slabs())
        start = extent_alloc(bytes, max_size(alignment, PAGE_BYTES), zeroed, &usable);
    if (!start) {
        give_row(id);
        return NULL;
    }
    struct large *row = &rows[id];
    row->noarm = noarm;
    row->noscan = false;
    row->record = 0;
    row->freed = row->sealed = false; // before base: quarantine_cycle_ends reads them in the other order
    row->note.site = 0;
    row->note.holder = 0;
    atomic_store_explicit(&row->mark, 0, memory_order_relaxed);
    atomic_store_explicit(&row->bytes, usable, memory_order_relaxed);
    atomic_store_explicit(&row->base, (uintptr_t)start, memory_order_release);
    set_pages((uintptr_t)start, usable, id);
    atomic_thread_fence(memory_order_seq_cst);
    if (unlikely(taint_has((uintptr_t)start, (uintptr_t)start + usable)))
        be_born_marked(row);
    heap_count_alloc(usable);
    return start;
}

void large_free(uint32_t id)
{
    struct large *row = &rows[id];
    uintptr_t base = row->base;
    size_t bytes = row->bytes;
    if (unlikely(guards_some))
        guards_lift(base, base + bytes);
    set_pages(base, bytes, 0);
    atomic_store_explicit(&row->base, 0, memory_order_release);
    taint(row, base, base + bytes);
    extent_free((void *)base);
    heap_count_free(bytes);
    give_row(id);
}

bool large_resize(uint32_t id, size_t n)
{
    struct large *row = &rows[id];
    uintptr_t base = row->base;
    size_t old = row->bytes, bytes = bytes_for(n);
    if (!bytes || bytes > cage.bytes)
        return false;
    if (unlikely(guards_some) && bytes < old)
        guards_lift(base + bytes, base + old);
    if (bytes < old) { // before the tail can become somebody else's, in a child that is forked meanwhile too
        set_pages(base + bytes, old - bytes, 0);
        atomic_store_explicit(&row->bytes, bytes, memory_order_release);
        taint(row, base + bytes, base + old);
    }
    if (extent_resize((void *)base, bytes) < bytes)
        return false;
    if (unlikely(options.verify) && bytes > old)
        empty((void *)(base + old), bytes - old); // T3, the tail of one that is marked already
    atomic_store_explicit(&row->bytes, bytes, memory_order_release);
    if (bytes > old)
        set_pages(base + old, bytes - old, id);
    bytes > old ? heap_count_alloc(bytes - old) : heap_count_free(old - bytes);
    return true;
}

// Whether the row's block is condemned. Under the lock no row changes hands, so an old epoch means an old block (L3).
static bool sweep_row(struct large *row, struct sweep_count *count)
{
    bool dead = false;
    enum find find = FOUND_NOTHING;
    lock_acquire(&guard);
    if (row->epoch != heap_sweep_epoch && row->base) {
        uint8_t marked = heap_keeps_marks ? atomic_load(&row->mark)
                                          : atomic_exchange_explicit(&row->mark, 0, memory_order_relaxed);
        if (!marked && heap_reclaim)
            specials_condemn_large(row->base);
        dead = !marked && heap_reclaim &&
               (row->freed || probation_large(row->base, row->bytes, &row->record, &row->checksum, &find));
        bool stays = dead && !specials_die_large(row->base);
        if (marked || stays)
            row->record = 0;
        dead &= !stays;
        *(dead ? &count->dead_blocks : &count->live_blocks) += 1;
        *(dead ? &count->dead_bytes : &count->live_bytes) += row->bytes;
        row->epoch = heap_sweep_epoch;
    }
    lock_release(&guard);
    probation_report(row->base, row->bytes, BIN_COUNT, find);
    return dead;
}

bool large_used(uint32_t id)
{
    lock_acquire(&guard);
    bool was = rows[id].record;
    rows[id].record = 0;
    lock_release(&guard);
    return was;
}

void large_condemn(uint32_t id)
{
    lock_acquire(&guard);
    const struct large *row = &rows[id];
    if (row->epoch != heap_sweep_epoch && row->base && !row->mark && heap_reclaim)
        specials_condemn_large(row->base);
    lock_release(&guard);
}

void large_each_condemned(void (*visit)(const struct heap_block *block, unsigned sweeps))
{
    lock_acquire(&guard);
    for (uint32_t id = 1; id < row_end; id++) {
        struct heap_block b = heap_find(rows[id].base);
        if (rows[id].base && rows[id].record && b.id == id)
            visit(&b, rows[id].record);
    }
    lock_release(&guard);
}

static void release_limbo(void)
{
    lock_acquire(&guard);
    while (limbo_row) {
        uint32_t id = limbo_row;
        limbo_row = rows[id].next;
        rows[id].next = free_row;
        free_row = id;
    }
    lock_release(&guard);
}

void large_sweep(struct sweep_count *count)
{
    release_limbo();
    for (uint32_t id = 1; id < large_id_end(); id++)
        if (sweep_row(&rows[id], count)) {
            if (rows[id].freed && !quarantine_release_large(id))
                continue;
            if (rows[id].note.site && heap_upcalls.noted_death)
                heap_upcalls.noted_death(&rows[id].note, rows[id].asked_bytes);
            large_free(id);
        }
}

void large_fork_prepare(void) { lock_acquire(&guard); }

void large_fork_done(void) { lock_release(&guard); }
