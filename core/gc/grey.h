// The grey pool: blocks that are marked but not scanned yet, in chunks that workers hand to each other, and the crew: the
// workers that drain it together.
//
// An entry is a slot's address, or the address of a piece of a large block with the low bit set.
// Y1. A chunk belongs to one worker, or to the pool; the pool's lists are under its lock.
// Y2. When no chunk can be had an entry is lost: grey_overflowed says so and the cycle reclaims nothing.
// Y3. A worker is active from before it takes a chunk of the pool until it holds none and the pool was empty, a thread that assists
//     until it has given back what it holds; only who is active puts chunks there. So with nobody active and nothing in the pool a
//     drain is at its end.
// Y4. How many are active, and how many may be, is one word: the leader ends the drain in one step with seeing that nobody is
//     active, and nobody becomes active after it. A helper that never ran is not waited for.
//     What a visitor gave back in between is found by a last look at the pool, when nobody can come any more.
// Y5. Who sleeps has read the event's number before it looked whether there is work; who brings work, or was the last active,
//     changes the number after it did (an eventcount). So no wake-up is lost.
// tests/unit/test_crew.c runs a model of Y3 to Y5 in every order.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GREY_CHUNK_ENTRIES = 1022, CREW_MAX = 32 };

struct grey_chunk {
    struct grey_chunk *next;
    size_t count;
    uintptr_t entries[GREY_CHUNK_ENTRIES];
};

// An empty chunk; NULL when there is no memory (Y2, recorded).
struct grey_chunk *grey_new(void);
struct grey_chunk *grey_try_new(void); // for who can do without: nothing is recorded
void grey_drop(struct grey_chunk *chunk);

void grey_give(struct grey_chunk *chunk); // full or partly full
struct grey_chunk *grey_take(void);       // NULL: the pool is empty
bool grey_is_empty(void);

// 1: an allocating thread that would mark found the pool empty, because the workers keep what they have. The next worker that has some
// to spare shares, and wakes who sleeps on this.
extern _Atomic uint32_t grey_wanted;
void grey_no_longer_wanted(void);

bool grey_overflowed(void);
void grey_reset(void); // before a cycle, and in a forked child: forgets everything

// --- the crew -----------------------------------------------------------------------------------------------

enum { CREW_LIMIT_SHIFT = 8, CREW_ACTIVE = 0xff };
extern _Atomic uint32_t
    crew; // workers that are active, and above CREW_LIMIT_SHIFT how many may be; 0: no drain

// Whether somebody looks for something to do: a hint.
static inline bool crew_is_hungry(void)
{
    uint32_t now = atomic_load_explicit(&crew, memory_order_relaxed);
    return now >> CREW_LIMIT_SHIFT > (now & CREW_ACTIVE);
}

// A drain by workers 0 (the leader, who calls this and is active) to limit - 1 <= CREW_MAX.
void crew_begin(unsigned limit);
// The leader has run dry: true when the drain is at its end; false when there is more, and it is active again.
bool crew_end(void);
// A helper, 1 <= index < CREW_MAX: sleeps until there is work for it, and is active; false: it shall end.
bool crew_join(unsigned index);
// A thread of the program comes to assist: it is active; false: there is no drain. Never sleeps.
bool crew_visit(void);
void crew_leave(void); // that helper or visitor holds nothing any more
// No helper joins any more. In a forked child, or before new helpers: they may again.
void crew_dismiss(void);
void crew_reset(void);

void grey_fork_prepare(void);
void grey_fork_done(void);
