#include "leak/unjoined.h"

#include "base/bits.h"
#include "base/crit.h"
#include "base/lock.h"
#include "base/meta.h"
#include "base/peek.h"
#include "base/sort.h"
#include "gc/trace.h"
#include "sys/syscall.h"
#include "world/thread.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>

enum { BUCKETS = 1024, TCB_SHIFT = 6 };

static struct lock guard = LOCK_INIT(LOCK_RANK_UNJOINED);
static struct unjoined *buckets[BUCKETS], *unused;
static uint64_t last_serial;
static _Atomic size_t known; // in buckets: most programs have no threads, and look nothing up

static struct unjoined **bucket_of(uintptr_t thread)
{
    return &buckets[(thread >> TCB_SHIFT) * 0x9e3779b97f4a7c15 >> 54];
}

_Static_assert(BUCKETS == 1 << (64 - 54), "bucket_of takes the upper bits");

static bool enter(void)
{
    if (crit_inside())
        return false;
    crit_enter();
    lock_acquire(&guard);
    return true;
}

static void leave(void)
{
    lock_release(&guard);
    crit_leave();
}

static bool is_valid(struct unjoined_ticket ticket)
{
    return ticket.record && ticket.record->serial == ticket.serial;
}

static struct unjoined *take_locked(void)
{
    struct unjoined *u = unused;
    if (u)
        unused = u->next;
    return u ? u : meta_alloc(sizeof *u);
}

struct unjoined_ticket unjoined_announce(uint32_t site)
{
    struct unjoined_ticket ticket = {NULL, 0};
    struct unjoined *u = NULL;
    if (!enter())
        return ticket;
    if ((u = take_locked())) {
        *u = (struct unjoined){.serial = ++last_serial, .site = site, .started_ns = trace_elapsed_ns()};
        ticket = (struct unjoined_ticket){u, u->serial};
    }
    leave();
    return ticket;
}

static struct unjoined *find_locked(uintptr_t thread)
{
    struct unjoined *u = *bucket_of(thread);
    while (u && u->thread != thread)
        u = u->next;
    return u;
}

static void unlink_locked(const struct unjoined *u)
{
    struct unjoined **link = bucket_of(u->thread);
    while (*link && *link != u)
        link = &(*link)->next;
    if (*link) {
        *link = u->next;
        atomic_fetch_sub(&known, 1);
    }
}

static void drop_locked(struct unjoined *u)
{
    if (u->thread)
        unlink_locked(u);
    u->serial = 0;
    u->next = unused;
    unused = u;
}

void unjoined_begins(struct unjoined_ticket ticket, uintptr_t thread)
{
    if (!ticket.record || !enter())
        return;
    for (struct unjoined *joined; (joined = find_locked(thread));)
        drop_locked(joined); // U2
    if (is_valid(ticket)) {
        struct unjoined **bucket = bucket_of(thread);
        ticket.record->thread = thread;
        ticket.record->tid = thread_self ? thread_self->tid : sys_gettid();
        ticket.record->next = *bucket;
        *bucket = ticket.record;
        atomic_fetch_add(&known, 1);
    }
    leave();
}

void unjoined_ends(uintptr_t thread, size_t stack_bytes)
{
    if (!atomic_load(&known) || !enter())
        return;
    struct unjoined *u = find_locked(thread);
    if (u) {
        if (!peek_is_plain()) // else the call could be the end of the process (SOUNDNESS S53)
            sys_call3(SYS_prctl, PR_GET_NAME, (long)u->name, 0);
        u->stack_bytes = stack_bytes;
        u->ended_ns = trace_elapsed_ns();
    }
    leave();
}

struct unjoined_ticket unjoined_find(uintptr_t thread)
{
    struct unjoined_ticket ticket = {NULL, 0};
    if (!atomic_load(&known) || !enter())
        return ticket;
    struct unjoined *u = find_locked(thread);
    if (u)
        ticket = (struct unjoined_ticket){u, u->serial};
    leave();
    return ticket;
}

void unjoined_forget(struct unjoined_ticket ticket)
{
    if (!ticket.record || !enter())
        return;
    if (is_valid(ticket))
        drop_locked(ticket.record);
    leave();
}

// --- in the collector thread -----------------------------------------------------------------------------------

static void copy_ended(struct unjoined_list *list)
{
    crit_enter();
    lock_acquire(&guard);
    for (unsigned i = 0; i < BUCKETS; i++)
        for (const struct unjoined *u = buckets[i]; u && list->count < list->room; u = u->next)
            if (u->ended_ns)
                list->at[list->count++] = *u;
    lock_release(&guard);
    crit_leave();
}

static struct unjoined *first_fresh_locked(unsigned *at)
{
    for (; *at < BUCKETS; (*at)++)
        for (struct unjoined *u = buckets[*at]; u; u = u->next)
            if (u->ended_ns && !u->told)
                return u;
    return NULL;
}

struct unjoined_ticket unjoined_fresh(unsigned *at, struct unjoined *copy)
{
    struct unjoined_ticket ticket = {NULL, 0};
    if (!atomic_load(&known))
        return ticket;
    crit_enter();
    lock_acquire(&guard);
    struct unjoined *u = first_fresh_locked(at);
    if (u) {
        u->told = true;
        *copy = *u;
        ticket = (struct unjoined_ticket){u, u->serial};
    }
    lock_release(&guard);
    crit_leave();
    return ticket;
}

bool unjoined_stands(struct unjoined_ticket ticket)
{
    crit_enter();
    lock_acquire(&guard);
    bool stands = is_valid(ticket);
    lock_release(&guard);
    crit_leave();
    return stands;
}

static const struct unjoined *sorted; // what the numbers stand for

static bool is_before(uint32_t a, uint32_t b)
{
    const struct unjoined *x = &sorted[a], *y = &sorted[b];
    return x->site != y->site ? x->site < y->site : x->serial < y->serial;
}

// Without memory for it: in no order.
static void sort(struct unjoined_list *list)
{
    size_t bytes = list->count * sizeof *list->at;
    struct unjoined *copy = meta_map(bytes);
    uint32_t *order = meta_map(list->count * sizeof *order);
    if (copy && order) {
        memcpy(copy, list->at, bytes);
        for (uint32_t i = 0; i < list->count; i++)
            order[i] = i;
        sorted = copy;
        sort_numbers(order, list->count, is_before);
        for (size_t i = 0; i < list->count; i++)
            list->at[i] = copy[order[i]];
    }
    if (copy)
        meta_unmap(copy, bytes);
    if (order)
        meta_unmap(order, list->count * sizeof *order);
}

struct unjoined_list unjoined_ended(void)
{
    struct unjoined_list list = {.room = atomic_load(&known)};
    list.at = list.room ? meta_map(list.room * sizeof *list.at) : NULL;
    if (list.at)
        copy_ended(&list);
    if (list.count)
        sort(&list);
    else
        unjoined_free(&list);
    return list;
}

void unjoined_free(struct unjoined_list *list)
{
    if (list->at)
        meta_unmap(list->at, list->room * sizeof *list->at);
    *list = (struct unjoined_list){0};
}

void unjoined_fork_child(void)
{
    guard = (struct lock)LOCK_INIT(LOCK_RANK_UNJOINED);
    memset(buckets, 0, sizeof buckets);
    unused = NULL;
    atomic_store(&known, 0);
}
