#include "world/thread.h"

#include "base/meta.h"
#include "heap/extent.h"
#include "heap/heap.h"
#include "sys/syscall.h"
#include "world/stop.h"

__thread struct thread *thread_self;

static struct lock guard = LOCK_INIT(LOCK_RANK_REGISTRY);
static struct thread *first, *spare; // spare: singly linked through next
static size_t count;

enum { MAX_OWN = 64 };
static _Atomic pid_t own_tids[MAX_OWN]; // 0: unused

enum { MAX_LEAVING = 256 };
static _Atomic pid_t leaving_tids[MAX_LEAVING]; // a ring: the oldest goes when there are more
static _Atomic uint32_t leaving_at;

static void note_leaving(pid_t tid)
{
    atomic_store(&leaving_tids[atomic_fetch_add(&leaving_at, 1) % MAX_LEAVING], tid);
}

bool thread_is_leaving(pid_t tid)
{
    for (size_t i = 0; i < MAX_LEAVING; i++)
        if (atomic_load_explicit(&leaving_tids[i], memory_order_relaxed) == tid)
            return true;
    return false;
}

void thread_prune_leaving(void)
{
    pid_t process = sys_getpid();
    for (size_t i = 0; i < MAX_LEAVING; i++) {
        pid_t tid = atomic_load(&leaving_tids[i]);
        if (tid && sys_tgkill(process, tid, 0) < 0)
            atomic_compare_exchange_strong(&leaving_tids[i], &tid, 0);
    }
}

static struct thread *take_record_locked(void)
{
    struct thread *t = spare;
    if (t)
        spare = t->next;
    return t ? t : meta_alloc(sizeof *t);
}

void thread_register(uintptr_t stack_lo, uintptr_t stack_hi)
{
    if (thread_self || !crit_inside())
        return;
    pid_t tid = sys_gettid();
    if (thread_is_own(tid))
        return;
    lock_acquire(&guard);
    struct thread *t = take_record_locked();
    if (t) {
        t->tid = tid;
        t->stack_lo = stack_lo;
        t->stack_hi = stack_hi;
        t->frames_hi = 0;
        t->cache = &cache_self;
        t->prev = NULL;
        t->next = first;
        if (first)
            first->prev = t;
        first = t;
        if (++count > 1)
            atomic_store(&cache_one_thread, false);
        thread_self = t;
        cache_self.state = CACHE_LIVE;
    }
    lock_release(&guard);
}

void thread_set_stack(uintptr_t stack_lo, uintptr_t stack_hi, uintptr_t frames_hi)
{
    crit_enter();
    thread_register(stack_lo, stack_hi);
    lock_acquire(&guard);
    if (thread_self) {
        thread_self->stack_lo = stack_lo;
        thread_self->stack_hi = stack_hi;
        thread_self->frames_hi = frames_hi;
    }
    lock_release(&guard);
    crit_leave();
}

static void unlink_locked(struct thread *t)
{
    if (t->prev)
        t->prev->next = t->next;
    else
        first = t->next;
    if (t->next)
        t->next->prev = t->prev;
    count--;
}

void thread_unregister(void)
{
    crit_enter();
    struct thread *t = thread_self;
    cache_kill(&cache_self);
    extent_thread_exit();
    if (t) {
        lock_acquire(&guard);
        unlink_locked(t);
        note_leaving(t->tid);
        t->cache = NULL;
        t->tid = 0;
        thread_self = NULL;
        stop_thread_gone(t); // a stop that waits for this record looks for the thread elsewhere
        t->next = spare;
        spare = t;
        lock_release(&guard);
    }
    crit_leave();
}

bool thread_any_holds(unsigned bin, const void *slot)
{
    bool held = false;
    crit_enter();
    lock_acquire(&guard);
    for (struct thread *t = first; t && !held; t = t->next) {
        const struct magazine *m = t->cache ? cache_magazine(t->cache, bin) : NULL;
        for (uint32_t i = 0; m && m->slot && i < m->n && !held; i++)
            held = m->slot[i] == slot;
    }
    lock_release(&guard);
    crit_leave();
    return held;
}

pid_t thread_with_stack_at(uintptr_t address)
{
    pid_t tid = 0;
    crit_enter();
    lock_acquire(&guard);
    for (const struct thread *t = first; t && !tid; t = t->next)
        if (address - t->stack_lo < t->stack_hi - t->stack_lo)
            tid = t->tid;
    lock_release(&guard);
    crit_leave();
    return tid;
}

size_t thread_count(void) { return __atomic_load_n(&count, __ATOMIC_RELAXED); }

struct thread *thread_first_locked(void) { return first; }

void thread_registry_lock(void) { lock_acquire(&guard); }

void thread_registry_unlock(void) { lock_release(&guard); }

static void replace_own(pid_t was, pid_t is)
{
    for (size_t i = 0; i < MAX_OWN; i++) {
        pid_t expected = was;
        if (atomic_compare_exchange_strong(&own_tids[i], &expected, is))
            return;
    }
}

void thread_announce_own(void)
{
    cache_self.state = CACHE_DEAD; // what it allocates by mistake goes no further than one block
    replace_own(0, sys_gettid());
}

void thread_forget_own(void)
{
    extent_thread_exit(); // its stack, and with it what it has there, goes when it has ended
    replace_own(sys_gettid(), 0);
}

bool thread_is_own(pid_t tid)
{
    for (size_t i = 0; i < MAX_OWN; i++)
        if (atomic_load_explicit(&own_tids[i], memory_order_relaxed) == tid)
            return true;
    return false;
}

void thread_fork_prepare(void) { lock_acquire(&guard); }

void thread_fork_parent(void) { lock_release(&guard); }

// The other threads do not exist here. Their magazines' slots stay claimed until a cycle finds that nobody refers to
// them; their current spans get new owners when the sweep finds them CURRENT of nobody.
void thread_fork_child(void)
{
    struct thread *t = thread_self;
    for (struct thread *other = first, *next; other; other = next) {
        next = other->next;
        if (other == t)
            continue;
        cache_orphan(other->cache);
        other->next = spare;
        other->cache = NULL;
        other->tid = 0;
        spare = other;
    }
    first = t;
    count = t != NULL;
    if (t) {
        t->next = t->prev = NULL;
        t->tid = sys_gettid();
    }
    for (size_t i = 0; i < MAX_OWN; i++)
        own_tids[i] = 0;
    for (size_t i = 0; i < MAX_LEAVING; i++)
        leaving_tids[i] = 0;
    lock_release(&guard);
}
