// Time. Nanoseconds of the monotonic clock (vDSO: no system call, no lock), and of processor time.
#pragma once

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns_of(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t clock_ns(void) { return clock_ns_of(CLOCK_MONOTONIC); }

static inline uint64_t clock_thread_cpu_ns(void) { return clock_ns_of(CLOCK_THREAD_CPUTIME_ID); }

static inline uint64_t clock_process_cpu_ns(void) { return clock_ns_of(CLOCK_PROCESS_CPUTIME_ID); }
