// GCPRE_TRACE: one line a cycle in the layout of Go's gctrace (package runtime, "Environment Variables").
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Stops of threads: how many, the longest, all of them together.
struct trace_pauses {
    uint32_t count;
    uint64_t longest_ns, total_ns;
};

// What a final stop does, as far as it grows with something else than what it has to mark.
struct trace_parts {
    uint64_t stopping_ns;   // until all threads stood still
    uint64_t roots_ns;      // reading what lies outside heap and stacks
    uint64_t written_ns;    // asking which pages were written since the last fetch, and reading those
    uint64_t written_bytes; // in marked blocks on them
};

struct trace {
    uint64_t number, start_ns, concurrent_ns, assist_ns, held_ns, scanned_bytes, dirty_bytes, dead_blocks;
    struct trace_pauses begin; // thread by thread
    struct trace_pauses stop;  // all threads
    struct trace_parts parts;  // of that stop
    size_t heap_begin_bytes, heap_end_bytes, live_bytes, dead_bytes, goal_bytes, stack_bytes, root_bytes;
    bool forced, limited, minor;
    uint64_t cpu_ns; // of the program and of the collector's threads, faults not included; set by trace_cycle
    const char *doubt;
};

void trace_boot(void);  // the time that @ counts from
void trace_begin(void); // a new collector thread, whose processor time counts from now
uint64_t trace_elapsed_ns(void);
void trace_pause(struct trace_pauses *pauses, uint64_t ns);
// Processor time of all cycles so far, assists included.
uint64_t trace_cpu_ns(void);
// Prints the line when the option asks for it. Collector thread, world running.
void trace_cycle(struct trace *t);
