#include "gc/grey.h"

#include "base/lock.h"
#include "heap/extent.h"
#include "sys/cpu.h"
#include "sys/syscall.h"

static struct lock guard = LOCK_INIT(LOCK_RANK_GREY);
static struct grey_chunk *work, *empty; // singly linked
static _Atomic bool overflowed;
static _Atomic size_t work_count;
_Atomic uint32_t grey_wanted;
_Atomic uint32_t crew;

static void wake_one_if_hungry(void);

static struct grey_chunk *pop(struct grey_chunk **list)
{
    struct grey_chunk *chunk = *list;
    if (chunk)
        *list = chunk->next;
    return chunk;
}

struct grey_chunk *grey_try_new(void)
{
    lock_acquire(&guard);
    struct grey_chunk *chunk = pop(&empty);
    if (!chunk)
        chunk = extent_meta_alloc(sizeof *chunk);
    lock_release(&guard);
    if (chunk)
        chunk->count = 0;
    return chunk;
}

struct grey_chunk *grey_new(void)
{
    struct grey_chunk *chunk = grey_try_new();
    if (!chunk)
        atomic_store(&overflowed, true);
    return chunk;
}

void grey_drop(struct grey_chunk *chunk)
{
    lock_acquire(&guard);
    chunk->next = empty;
    empty = chunk;
    lock_release(&guard);
}

void grey_give(struct grey_chunk *chunk)
{
    lock_acquire(&guard);
    chunk->next = work;
    work = chunk;
    atomic_fetch_add(&work_count, 1);
    lock_release(&guard);
    wake_one_if_hungry();
}

struct grey_chunk *grey_take(void)
{
    if (grey_is_empty())
        return NULL;
    lock_acquire(&guard);
    struct grey_chunk *chunk = pop(&work);
    if (chunk)
        atomic_fetch_sub(&work_count, 1);
    lock_release(&guard);
    return chunk;
}

void grey_no_longer_wanted(void)
{
    if (atomic_exchange(&grey_wanted, 0))
        sys_futex_wake(&grey_wanted, INT32_MAX);
}

bool grey_is_empty(void) { return atomic_load(&work_count) == 0; }

bool grey_overflowed(void) { return atomic_load(&overflowed); }

void grey_reset(void)
{
    struct grey_chunk *chunk;
    while ((chunk = grey_take()))
        grey_drop(chunk);
    atomic_store(&grey_wanted, 0);
    atomic_store(&overflowed, false);
}

// --- the crew -----------------------------------------------------------------------------------------------

// The leader's spin: as long as going to sleep and being woken take.
enum { LEADER_SPINS = 300, LEADER_BIT = 1 };

static _Atomic uint32_t event;
static _Atomic bool dismissed;

static void wake(int count, uint32_t bits)
{
    atomic_fetch_add(&event, 1);
    sys_futex_wake_bits(&event, count, bits);
}

static uint32_t bits_of(unsigned limit) { return (uint32_t)((1UL << limit) - 1); }

static void wake_one_if_hungry(void)
{
    uint32_t now = atomic_load(&crew);
    if (now >> CREW_LIMIT_SHIFT > (now & CREW_ACTIVE))
        wake(1, bits_of(now >> CREW_LIMIT_SHIFT));
}

// Only while a drain is open to this worker.
static bool become_active(unsigned index)
{
    uint32_t now = atomic_load(&crew);
    while (now >> CREW_LIMIT_SHIFT > index)
        if (atomic_compare_exchange_weak(&crew, &now, now + 1))
            return true;
    return false;
}

void crew_begin(unsigned limit)
{
    atomic_store(&crew, limit << CREW_LIMIT_SHIFT | 1);
    if (!grey_is_empty())
        wake_one_if_hungry();
}

bool crew_visit(void) { return become_active(0); }

void crew_leave(void)
{
    if (((atomic_fetch_sub(&crew, 1) - 1) & CREW_ACTIVE) == 0)
        wake(1, LEADER_BIT);
}

// Between the look at the word and the look at the pool a visitor may have come, taken, given back and gone: the word is the same again.
// Nobody comes any more once it is 0, so that then the pool tells.
static bool end_drain(uint32_t now)
{
    if (!atomic_compare_exchange_strong(&crew, &now, 0))
        return false;
    bool dry = grey_is_empty();
    if (!dry)
        atomic_store(&crew, now);
    return dry;
}

bool crew_end(void)
{
    atomic_fetch_sub(&crew, 1);
    for (unsigned spins = 0;; spins++) {
        uint32_t seen = atomic_load(&event), now = atomic_load(&crew);
        if (!grey_is_empty()) {
            become_active(0);
            return false;
        }
        if (!(now & CREW_ACTIVE)) {
            if (end_drain(now))
                return true;
        } else if (spins < LEADER_SPINS) {
            cpu_relax();
        } else {
            sys_futex_wait_bits(&event, seen, LEADER_BIT);
        }
    }
}

bool crew_join(unsigned index)
{
    while (!atomic_load(&dismissed)) {
        uint32_t seen = atomic_load(&event);
        if (!grey_is_empty() && become_active(index))
            return true;
        if (!atomic_load(&dismissed))
            sys_futex_wait_bits(&event, seen, 1U << index);
    }
    return false;
}

void crew_dismiss(void)
{
    atomic_store(&dismissed, true);
    wake(INT32_MAX, UINT32_MAX);
}

void crew_reset(void)
{
    atomic_store(&crew, 0);
    atomic_store(&dismissed, false);
}

// --- fork ---------------------------------------------------------------------------------------------------

void grey_fork_prepare(void) { lock_acquire(&guard); }

void grey_fork_done(void) { lock_release(&guard); }
