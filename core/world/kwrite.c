#include "world/kwrite.h"

#include "base/meta.h"
#include "sys/context.h"
#include "sys/syscall.h"
#include "world/barrier.h"

#include <string.h>

_Atomic bool kwrite_active = true;

struct published {
    _Atomic uintptr_t lo,
        hi; // written by its thread, read by the collector; torn only before the writer's fence
};

static __thread struct kwrite {
    struct published ranges[KWRITE_ROOM]; // a ring: calls nest in handlers, and not all of them return
    struct published alternate;           // the program's alternate stack
    volatile uint32_t next;
    void *stack; // ours, or NULL; also written by the collector while the thread is stopped
    bool gone;   // gets no other
} self;

static void set(struct published *p, uintptr_t lo, uintptr_t hi)
{
    atomic_store_explicit(&p->lo, lo, memory_order_relaxed);
    atomic_store_explicit(&p->hi, hi, memory_order_relaxed);
}

// --- in the thread that makes the call -----------------------------------------------------------------------

uint32_t kwrite_publish(const struct range *ranges, size_t count)
{
    uint32_t ticket = self.next;
    uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
    if (unlikely(cage_contains(sp)))
        kwrite_exclude(sp - KWRITE_FRAME_BYTES, sp);
    if (!count)
        return KWRITE_NOTHING;
    if (unlikely(!thread_self)) {
        for (size_t i = 0; i < count; i++)
            kwrite_exclude(ranges[i].lo, ranges[i].hi);
        return KWRITE_NOTHING;
    }
    self.next = ticket + (uint32_t)count; // first: a handler that comes now publishes behind us
    atomic_signal_fence(memory_order_seq_cst);
    for (size_t i = 0; i < count; i++)
        set(&self.ranges[(ticket + i) % KWRITE_ROOM], ranges[i].lo, ranges[i].hi);
    atomic_thread_fence(memory_order_seq_cst);
    for (size_t i = 0; i < count; i++)
        mprotect_open(ranges[i].lo, ranges[i].hi);
    return ticket;
}

void kwrite_withdraw(uint32_t ticket)
{
    uint32_t count = self.next - ticket;
    for (uint32_t i = 0; i < count && i < KWRITE_ROOM; i++)
        set(&self.ranges[(ticket + i) % KWRITE_ROOM], 0, 0);
    atomic_signal_fence(memory_order_seq_cst);
    self.next = ticket;
}

void kwrite_exclude(uintptr_t lo, uintptr_t hi)
{
    if (unlikely(atomic_load_explicit(&kwrite_active, memory_order_relaxed)))
        mprotect_exclude(lo, hi);
}

void kwrite_set_alternate(uintptr_t lo, uintptr_t hi)
{
    if (!thread_self)
        kwrite_exclude(lo, hi);
    set(&self.alternate, lo, hi);
    atomic_thread_fence(memory_order_seq_cst);
    mprotect_open(lo, hi);
}

// --- our alternate stacks ------------------------------------------------------------------------------------
// Private memory: what a fault left there is no root. A handler of the program's with SA_ONSTACK may run on one; then the
// thread's stack pointer is there, and the part above it is scanned as its stack (scan_stack in gc/cycle.c).

struct spare {
    struct spare *next;
};

static struct lock guard = LOCK_INIT(LOCK_RANK_BARRIER);
static struct spare *spares; // guard

static void *take_stack(void)
{
    lock_acquire(&guard);
    struct spare *stack = spares;
    if (stack)
        spares = stack->next;
    lock_release(&guard);
    if (stack)
        return stack;
    return meta_map(KWRITE_STACK_BYTES);
}

static void give_back_stack(struct spare *stack)
{
    memset(stack, 0, sizeof *stack);
    lock_acquire(&guard);
    stack->next = spares;
    spares = stack;
    lock_release(&guard);
}

static int set_stack(const stack_t *stack, stack_t *old)
{
    return (int)sys_call3(SYS_sigaltstack, (long)stack, (long)old, 0);
}

static stack_t own_stack(const struct kwrite *k)
{
    return (stack_t){.ss_sp = k->stack, .ss_size = KWRITE_STACK_BYTES};
}

bool kwrite_owns_stack(const stack_t *stack)
{
    return self.stack && stack->ss_sp == self.stack && !(stack->ss_flags & SS_DISABLE);
}

void kwrite_thread_start(void)
{
    stack_t old;
    if (barrier != &barrier_mprotect || set_stack(NULL, &old) != 0 || !(old.ss_flags & SS_DISABLE))
        return;
    crit_enter();
    if (!self.stack)
        self.stack = take_stack();
    crit_leave();
    stack_t stack = own_stack(&self);
    if (self.stack)
        set_stack(&stack, NULL);
}

void kwrite_thread_exit(void)
{
    stack_t old, none = {.ss_flags = SS_DISABLE};
    self.gone = true;
    if (!self.stack || set_stack(NULL, &old) != 0 || (kwrite_owns_stack(&old) && set_stack(&none, NULL) != 0))
        return;
    crit_enter();
    give_back_stack(self.stack);
    self.stack = NULL;
    crit_leave();
}

static void note_stack(struct kwrite *k, ucontext_t *uc)
{
    if (!(uc->uc_stack.ss_flags & SS_DISABLE))
        return;
    if (!k->stack && !k->gone)
        k->stack = take_stack();
    if (k->stack)
        uc->uc_stack = own_stack(k);
}

void kwrite_give_stack(ucontext_t *uc)
{
    if (barrier == &barrier_mprotect)
        note_stack(&self, uc);
}

// --- in the collector ----------------------------------------------------------------------------------------

// The record of another thread: at the same distance from its cache as ours is.
static struct kwrite *record_of(const struct thread *t)
{
    uintptr_t ours = (uintptr_t)&self, our_cache = (uintptr_t)&cache_self;
    __asm__("" : "+r"(our_cache)); // or gcc subtracts a relocation that ld cannot relax in a static link
    return (struct kwrite *)((uintptr_t)t->cache + (ours - our_cache));
}

static void visit_published(const struct published *p, void (*visit)(uintptr_t lo, uintptr_t hi))
{
    uintptr_t lo = atomic_load_explicit(&p->lo, memory_order_relaxed);
    uintptr_t hi = atomic_load_explicit(&p->hi, memory_order_relaxed);
    if (lo < hi)
        visit(lo, hi);
}

void kwrite_each(void (*visit)(uintptr_t lo, uintptr_t hi))
{
    thread_registry_lock();
    for (struct thread *t = thread_first_locked(); t; t = t->next) {
        struct kwrite *k = record_of(t);
        for (size_t i = 0; i < KWRITE_ROOM; i++)
            visit_published(&k->ranges[i], visit);
        visit_published(&k->alternate, visit);
        if (t->stack_lo < t->stack_hi)
            visit(t->stack_lo, t->stack_hi);
    }
    thread_registry_unlock();
}

void kwrite_meet(struct thread *t)
{
    if (cage_contains(t->sp))
        mprotect_exclude(t->sp - KWRITE_FRAME_BYTES, t->sp + 1);
    if (t->context && t->cache)
        note_stack(record_of(t), (ucontext_t *)(uintptr_t)t->context);
}

void kwrite_fork_child(void) { lock_reset(&guard); }
