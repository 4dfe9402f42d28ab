// Threads that have ended and that nobody joined or detached: each keeps its stack and its descriptor until somebody does.
//
//   pthread_create ── announced ──┬── begun: known by its pthread_t ──┬── ended: a leak, while that lasts ──┐
//                                 │                                   └── joined or detached <──────────────┘
//                                 └── could not be created            (forgotten)
//
// U1. A record is found by the thread's pthread_t from before the thread's function begins. Somebody may detach the thread even earlier:
//     the thread finds out by itself, behind unjoined_begins.
// U2. A pthread_t is another thread's once its own was joined. Who is going to join looks the record up before, and forgets it afterwards
//     by its serial number, which no other record ever has. Whose pthread_t comes again was joined, by a call that we did not see or before
//     it began.
// U3. Records are used again, never unmapped, and belong to a lock of their own (LOCK_RANK_UNJOINED).
// U4. In a forked child there are none: nobody can join its parent's threads.
// Any thread, outside critical sections; inside of one (a signal's handler) nothing is done and nothing found.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { UNJOINED_NAME = 16 };

struct unjoined {
    struct unjoined *next; // of the same bucket, or of the unused ones
    uint64_t serial;       // 0: unused
    uintptr_t thread;      // pthread_t; 0: it has not begun
    uint32_t site;         // where it was created
    pid_t tid;
    uint64_t started_ns, ended_ns; // since the process began; ended 0: it runs
    size_t stack_bytes;            // of the stack that the C library keeps for it; 0: the program's own
    bool told;                     // collector
    char name[UNJOINED_NAME];
};

struct unjoined_ticket {
    struct unjoined *record; // NULL: none
    uint64_t serial;
};

// A joinable thread is about to be created at this site.
struct unjoined_ticket unjoined_announce(uint32_t site);
// The calling thread is it.
void unjoined_begins(struct unjoined_ticket ticket, uintptr_t thread);
// The calling thread ends.
void unjoined_ends(uintptr_t thread, size_t stack_bytes);

struct unjoined_ticket unjoined_find(uintptr_t thread);
void unjoined_forget(struct unjoined_ticket ticket);

// Copies of those that have ended, by site and time, in memory that unjoined_free gives back. Collector.
struct unjoined_list {
    struct unjoined *at; // NULL: there are none, or no memory
    size_t count, room;
};
struct unjoined_list unjoined_ended(void);
void unjoined_free(struct unjoined_list *list);
// A copy of one that has ended and that nobody was told of yet, and by which it can be found again (NULL: there is none); it counts as
// told then. From bucket *at on, which it moves on; 0 is the beginning. Collector.
struct unjoined_ticket unjoined_fresh(unsigned *at, struct unjoined *copy);
// Whether it is still that thread's, and nobody joined it. Collector.
bool unjoined_stands(struct unjoined_ticket ticket);

void unjoined_fork_child(void);
