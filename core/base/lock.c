#include "base/lock.h"

#include "base/log.h"
#include "sys/cpu.h"
#include "sys/syscall.h"

enum { SPINS = 100 };

static __thread uint32_t held_ranks; // bit r: a lock of rank r is held (debug build)

void lock_check_order(const struct lock *lock)
{
    if (held_ranks >> (lock->rank + 1))
        fatal("lock order: rank %u taken while holding ranks %x", (unsigned)lock->rank, held_ranks);
    held_ranks |= 1u << lock->rank;
}

void lock_note_release(const struct lock *lock) { held_ranks &= ~(1u << lock->rank); }

void lock_slow(struct lock *lock)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&lock->word, memory_order_relaxed) == 0 && lock_try(lock))
            return;
        cpu_relax();
    }
    while (atomic_exchange_explicit(&lock->word, 2, memory_order_acquire) != 0)
        sys_futex_wait(&lock->word, 2, NULL);
#ifdef GCPRE_DEBUG
    lock_check_order(lock);
#endif
}

void lock_wake(struct lock *lock) { sys_futex_wake(&lock->word, 1); }
