// Object pools: blocks that one thread gives up and another may take, unless the collector wants their memory. After Go's sync.Pool
// (sync/pool.go, 1.13: the victim cache).
//
// A pool has a shard for each thread that came to it: a few items that its owner alone takes, without a lock, and a stack of further ones that others
// steal from when they have none, under the shard's lock.
//
// What was put between two final stops is one generation. The stop after that leaves it as the victims: still to be had, and no longer a
// root. The next one drops what nobody has taken, by the clock alone: nothing is moved or written in a stopped world.
//
// Q1. A shard's stamp is the heap's epoch (heap_sweep_epoch) of its youngest generation. Of a shard whose stamp is the epoch the primary
//     stack and the owner's own items were put in this epoch, and the victims in the one before; of one that is an epoch old the primary
//     stack is victims (and so are the owner's own items, which nobody steals). Everything else was dropped, and is never looked at again.
// Q2. All that a thread does to a pool happens in a critical section, so the epoch stands still meanwhile. What it takes is in a register by
//     the next stop, or stored: an item that was no root is found there (gc/cycle.c, C3).
// Q3. Roots, at the stop, are what is younger than victims after it: the items of shards whose stamp is the epoch, without their victims.
// Q4. Below `low` a primary stack is as it was when the roots were taken beside the program: the stop need not look there again.
// Q5. own and own_count are the owner's. The collector reads them beside it, which may miss one or find one too many; the stop does not.
//     stamp, both stacks and what belongs to them are changed under the shard's lock. Shards and pools are never unmapped.
//
// Thread-safe; not in a signal handler.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct pool;

// NULL: no memory.
struct pool *pool_new(void);
// Its items are dropped. Nobody uses it during or after the call.
void pool_free(struct pool *pool);

// NULL: it has none.
void *pool_get(struct pool *pool);
// False: no memory; the item is the caller's still.
bool pool_put(struct pool *pool, void *item);

// What the thread has is others' now. At its end.
void pools_thread_exit(void);

// The roots (Q3). Collector thread: beside the program, and then in the stopped world, where `all` asks also for what was visited beside
// it. dropped: for each item that nobody can have any more after this stop; may be NULL.
void pools_visit_running(void (*take)(uintptr_t item));
void pools_visit_stopped(bool all, void (*take)(uintptr_t item), void (*dropped)(uintptr_t item));

void pools_fork_prepare(void);
void pools_fork_parent(void);
void pools_fork_child(void);
