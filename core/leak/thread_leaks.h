// What is told of threads that ended and that nobody joined (leak/unjoined.h): JSON lines, and a section of text in ThreadSanitizer's
// layout behind the leaks. Collector thread.
//
// L1. A thread that has ended may still be joined. So what cycles find is told as `so_far`, and taken back when somebody has joined it;
//     that is for processes that are killed. The last report has all of them, anew.
// L2. In the life of a process at most THREADS_TOLD_MOST are told of by cycles.
//
// They are no lost memory: neither the sums nor GCPRE_EXITCODE count them. Suppressions and __lsan_disable hold for them as well.
#pragma once

#include <stdint.h>

enum { THREADS_TOLD_MOST = 256 };

// A line for each, where records go (leak/report.h).
void thread_leaks_put(uint64_t now_ns);
void thread_leaks_text(void);
// After a cycle: lines for those that were not there at the cycle before, and for those that were joined since.
void thread_leaks_cycle(uint64_t now_ns);
void thread_leaks_begin(void); // in a process of its own: nothing was told
