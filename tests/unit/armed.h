// What the tests of world/barrier_mprotect.c share: an area of the cage in chunks, threads of the program, and what is reported.
#pragma once

#include "heap/heap.h"
#include "sys/syscall.h"
#include "world/barrier.h"
#include "world/kwrite.h"
#include "world/stop.h"

#include "unit.h"
#include "upcalls.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { CHUNKS = 64, RACES = 150, DEADLINE_S = 240 };
#define CHUNK ((size_t)256 * KIB)
#define B     (&barrier_mprotect)

static char *area; // CHUNKS chunks of the cage
static int zero;   // a file of zeros: no signal cuts a read of it short

static inline uintptr_t area_lo(void) { return (uintptr_t)area; }

static inline uintptr_t area_hi(void) { return area_lo() + CHUNKS * CHUNK; }

static inline void setup(void)
{
    ck_assert(heap_boot());
    stop_boot(SIGURG);
    thread_announce_own(); // this thread plays the collector
    area = cage_carve(CHUNKS * CHUNK, CHUNK);
    ck_assert_ptr_nonnull(area);
    ck_assert(B->probe());
    barrier = B;
    zero = memfd_create("zeros", MFD_CLOEXEC);
    ck_assert(zero >= 0 && ftruncate(zero, CHUNKS * CHUNK) == 0);
}

static inline ssize_t read_zeros(void *to, size_t bytes) { return pread(zero, to, bytes, 0); }

static inline void join_program(void)
{
    crit_enter();
    thread_register(0, 0);
    crit_leave();
    kwrite_thread_start();
}

static inline void leave_program(void)
{
    kwrite_thread_exit();
    thread_unregister();
}

// --- reports ------------------------------------------------------------------------------------------------------

static bool reported[CHUNKS];

static inline void note(uintptr_t lo, uintptr_t hi)
{
    ck_assert(lo >= area_lo() && hi <= area_hi() && lo < hi);
    for (; lo < hi; lo = align_down(lo + CHUNK, CHUNK))
        reported[(lo - area_lo()) / CHUNK] = true;
}

static inline bool fetch(bool rearm)
{
    memset(reported, 0, sizeof reported);
    return B->fetch(area_lo(), area_hi(), rearm, note);
}
