// What is told of threads that ended and that nobody joined (leak/unjoined.h): JSON lines, and a section of text in ThreadSanitizer's
// layout behind the leaks. Collector thread.
//
// They are no lost memory: neither the sums nor GCPRE_EXITCODE count them. Suppressions and __lsan_disable hold for them as well.
#pragma once

#include <stdint.h>

// A line for each, where records go (leak/report.h).
void thread_leaks_put(uint64_t now_ns);
void thread_leaks_text(void);
