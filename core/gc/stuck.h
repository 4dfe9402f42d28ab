// Threads that wait for ever: asleep on a word in a block that nobody can reach but they themselves. After Go's detection of leaked
// goroutines by the garbage collector (proposal 74609, goroutineleak profiles).
//
// Only in a cycle of which it was asked (stuck_look_for):
// K1. A thread that the first handshake finds asleep on a futex in a heap block, without a timeout and on its own stack, is held back: its
//     stack and registers are no roots for now.
// K2. Who is found awake later, or whose block is marked, is let go: it is scanned as all are.
// K3. At the stop, when everything else is scanned as it is at the stop: if none of those who are still held back and asleep as before
//     waits on a marked block, no way from a root, or from any other thread, leads to any of their words. Then nobody can ever change
//     or wake one (as in C4 of gc/cycle.c), and all of them are told of. If one does, the cycle says nothing.
// K4. What only they lead to is not marked: a cycle with somebody held back at the stop reclaims nothing (a reason to doubt). So nothing is
//     traced while the world is stopped that other cycles do not trace there.
// A signal can still interrupt such a wait, and pthread_cancel end it.
// Collector thread only.
#pragma once

#include "world/thread.h"

void stuck_look_for(void); // in the next cycle
void stuck_begin(void);    // a cycle begins
// The thread is stopped alone, for the first time in this cycle: whether it is held back (K1).
bool stuck_holds_back(const struct thread *t);
// The same thread, later: whether it is let go now, and to be scanned (K2).
bool stuck_lets_go(const struct thread *t);
// Whether somebody is held back whose block is marked.
bool stuck_is_reached(void);
// World stopped: whether it is still held back.
bool stuck_sleeps_on(const struct thread *t);
// World stopped, all else is marked: K3. Whether somebody was held back.
bool stuck_judge(void);

struct stuck_thread {
    pid_t tid;
    uintptr_t word; // that it waits on
};
// Of the last cycle that looked, which said something when *sure; at most `room` of them.
size_t stuck_found(struct stuck_thread *out, size_t room, bool *sure);
