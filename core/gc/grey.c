#include "gc/grey.h"

#include "base/lock.h"
#include "heap/extent.h"

static struct lock guard = LOCK_INIT(LOCK_RANK_GREY);
static struct grey_chunk *work, *empty; // singly linked
static _Atomic bool overflowed;
static _Atomic size_t work_count;
_Atomic unsigned grey_hungry;

static struct grey_chunk *pop(struct grey_chunk **list)
{
    struct grey_chunk *chunk = *list;
    if (chunk)
        *list = chunk->next;
    return chunk;
}

struct grey_chunk *grey_new(void)
{
    lock_acquire(&guard);
    struct grey_chunk *chunk = pop(&empty);
    if (!chunk)
        chunk = extent_meta_alloc(sizeof *chunk);
    lock_release(&guard);
    if (chunk)
        chunk->count = 0;
    else
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

bool grey_is_empty(void) { return atomic_load(&work_count) == 0; }

bool grey_overflowed(void) { return atomic_load(&overflowed); }

void grey_reset(void)
{
    struct grey_chunk *chunk;
    while ((chunk = grey_take()))
        grey_drop(chunk);
    atomic_store(&overflowed, false);
}

void grey_fork_prepare(void) { lock_acquire(&guard); }

void grey_fork_done(void) { lock_release(&guard); }
