// The figures of all cycles together, since the process began (of a forked child: since the fork). Names are those of Go's runtime.MemStats
// where they mean the same; times are nanoseconds, sizes bytes.
//
// Written by the collector thread after each cycle, read by anybody, under a lock.
#pragma once

#include "gc/trace.h"

struct totals {
    uint64_t cycles, forced; // that ran to their end
    uint64_t last_end_ns;    // on the clock of trace_elapsed_ns
    uint64_t pause_total_ns, pause_last_ns, pause_max_ns, handshake_max_ns, mark_last_ns;
    struct trace_parts pause_parts;   // of the last pause
    uint64_t dead_blocks, dead_bytes; // that cycles have given back
    uint64_t peak_bytes;              // of the heap, at the beginnings of cycles
    uint64_t assist_ns, held_ns;      // of threads of the program
    uint64_t root_bytes, stack_bytes; // that the last cycle scanned
};

void totals_note(const struct trace *t);
// Not in a stopped world.
struct totals totals_now(void);

void totals_fork_child(void);
