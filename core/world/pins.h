// Pins: heap pointers that only the kernel holds, given to it to be given back later (SOUNDNESS S10): the data of epoll
// registrations, the values of timers, message queues' notifications, queued signals and kernel AIO requests.
//
// N1. A pin is made before the call that hands the pointer over; every scan from then on takes it for a root.
// N2. It goes when the call that ends the registration has succeeded, or when the kernel's own lists lacked it in two reviews in
//     a row: epoll registrations end by closing descriptors too, queued signals by being taken. One review could miss
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

// N1. False: no memory; the caller gives up reclaiming.
bool pins_add(enum pin_kind kind, uint64_t owner, uintptr_t value);
// The call failed: takes back one pin just made.
void pins_undo(enum pin_kind kind, uint64_t owner, uintptr_t value);
// The call succeeded: the owner's pins go, but for this value's (0: all of them).
void pins_keep_only(enum pin_kind kind, uint64_t owner, uintptr_t value);

// The collector's: visits every pinned value; looks which registrations still exist (N2; world running).
void pins_each(void (*visit)(uintptr_t value));
void pins_review(void);

void pins_fork_prepare(void);
void pins_fork_done(void);
