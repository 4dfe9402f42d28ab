// The limiter keeps the collector's processor time to half of what the processors have, where the memory limit leaves less room than the
// program's live memory needs. After gcCPULimiter of Go's runtime/mgclimit.go (1.19): a leaky bucket. What the collector uses flows in
// (its threads, and threads that assist), and what it does not use of all processors flows out.
//
// B1. A cycle that only the limit asks for begins when the bucket is not over its brim (LIMITER_BUCKET_NS). So in any time t the
//     collector has used half of what the processors had to give in it, half of the bucket and half of a cycle at most.
// B2. When it was over the brim the limiter is on until it is half empty: no thread of the program assists, and none waits before the
//     heap is where it would be without a limit.
// B3. GOGC's own goal is not the limiter's affair: a cycle that it asks for is never put off. So a limit costs no memory; and what
//     GOGC alone would cost it may cost with a limit too.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define LIMITER_BUCKET_NS 100000000u

struct limiter { // all zero at first
    uint64_t fill_ns;
    bool on;
};

// The collector has used so much, and everybody else could have used so much meanwhile.
void limiter_flow(struct limiter *l, uint64_t collector_ns, uint64_t others_ns);
// How much has to flow out before a cycle may begin; 0: it may.
uint64_t limiter_excess_ns(const struct limiter *l);

// --- the process's ----------------------------------------------------------------------------------------------

// Looks at the clocks. Collector thread: after every cycle, and while a cycle waits.
void limiter_look(void);
// How long to wait before a cycle that the limit asks for may begin; 0: it may. Collector thread, after limiter_look.
uint64_t limiter_wait_ns(void);
// B2; any thread.
bool limiter_is_on(void);
// No limit, or a new process: nothing is in the bucket.
void limiter_reset(void);
