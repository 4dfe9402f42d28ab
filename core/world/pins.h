// Pins: heap pointers that only the kernel holds, given to it to be given back later (SOUNDNESS S10): the data of epoll
// registrations, the values of timers, message queues' notifications, queued signals and kernel AIO requests.
//
// N1. A pin is made before the call that hands the pointer over; every scan from then on takes it for a root.
// N2. It goes when a call that ends or replaces the registration has succeeded which began after the pin's own call was over: of
//     two calls at once for one owner nobody knows which the kernel took last, so both values stay. Or it goes
//     when the kernel's own lists lacked it in two reviews in a row: epoll registrations end by closing descriptors too, queued signals by being taken. One review could miss
//     a descriptor that moves between numbers while it looks.
// N3. What cannot be read (fdinfo of a process that cannot be dumped) keeps its pins.
//
// Pins are made and dropped by the program's threads, inside critical sections; the rest is the collector's. Thread-safe.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum pin_kind { PIN_EPOLL, PIN_TIMER, PIN_QUEUE, PIN_SIGNAL, PIN_AIO, PIN_KINDS };

// The owner of a pin of each kind: pin_epoll_owner, a timer's identifier, a queue's descriptor, a signal number, the
// address of an iocb.
static inline uint64_t pin_epoll_owner(int epoll, int target)
{
    return (uint64_t)(uint32_t)epoll << 32 | (uint32_t)target;
}

// Whether a value points into the heap at all: nothing else is pinned.
bool pins_wanted(uintptr_t value);

// The time as these calls see it: what pins_settle wants to know of the moment before the system call.
uint64_t pins_now(void);
// N1, before the system call. False: no memory; the caller gives up reclaiming.
bool pins_add(enum pin_kind kind, uint64_t owner, uintptr_t value);
// The call failed: takes back one pin just made.
void pins_undo(enum pin_kind kind, uint64_t owner, uintptr_t value);
// The call, begun at that time, succeeded, and this value's pin stands for it (0: nothing does); earlier ones of the owner go (N2).
void pins_settle(enum pin_kind kind, uint64_t owner, uintptr_t value, uint64_t begun);
// Nothing of the owner's is in the kernel any more, and nobody else can have begun anew.
void pins_drop(enum pin_kind kind, uint64_t owner);

// The collector's: visits every pinned value; looks which registrations still exist (N2; world running).
void pins_each(void (*visit)(uintptr_t value));
void pins_review(void);

void pins_fork_prepare(void);
void pins_fork_done(void);
