// The collector thread: starts when the heap first reaches its goal, never before; runs cycles that the heap's growth, the
// clock, or somebody asks for.
#pragma once

#include <stdbool.h>
#include <stdint.h>

void collector_boot(void);

// What the layers above do in the collector thread: once at its start (before cycles), after every cycle, when it was called, and at
// its end. All of them between cycles: the program runs.
struct collector_upcalls {
    bool keep_stderr; // the thread's own table of descriptors begins with the program's standard error
    void (*begin)(void);
    void (*cycle_ended)(void);
    void (*errand)(
        void); // also before a cycle, and when nobody called: it looks by itself for what there is to do
    void (*end)(void);
    bool at_once; // the thread begins, and comes back in a forked child or after a pause, as soon as it may
};
extern struct collector_upcalls collector_upcalls;

// Somebody allocated on the slow path, outside a critical section: starts a cycle when it is due, assists.
void collector_pace(void *p);

// A cycle is due for another reason than the heap's growth. Thread-safe; starts no thread.
void collector_want_cycle(void);

// True when a cycle is wanted but the thread does not exist yet: whoever is in a position to create one calls
// collector_start. Never from inside the dynamic loader or libc, which may hold their locks.
extern _Atomic bool collector_start_wanted;
void collector_start(void);

// There is no memory: a cycle may find some. False when there can be none, or was one for this reason within a second, unless an eighth of
// the heap was allocated since. Who comes while one is under way for this reason waits for it. Starts no thread: the caller may hold
// anybody's locks.
bool collector_out_of_memory(void);

// Ends our threads, and returns when the kernel has none of them any more: for calls that a process may make only with a single thread.
// They come back when the next cycle is due. Outside critical sections.
void collector_pause(void);

// Runs a full cycle that begins after the call, and returns when its sweep is done. False when there can be none (passive,
// or no thread could be had). Not from a signal handler.
bool collector_collect(void);

// The same from the collector thread itself, which cannot wait: collector_errand's caller asks again later whether it has run. False:
// there can be none.
bool collector_ask(uint32_t *ticket);
bool collector_has_run(uint32_t ticket);

// Lets the thread call upcalls.errand soon. Any thread, also ours; no lock, no allocation.
void collector_call(void);

// Whether the thread is there, and would answer a call.
bool collector_is_there(void);

// An errand looks through the heap, as a cycle does: until it has said that it does not any more, whoever waits for the cycle under way
// (collector_let_pass, collector_retire) waits for it. False: nobody may, now. Collector thread, for moments.
bool collector_looks(bool begins);

// Why nothing is reclaimed in this process; NULL: it is.
const char *collector_passive_reason(void);
// No cycle runs from now on; malloc and free go on. One line says why.
void collector_passive(const char *why);
// The same, and returns when no cycle is under way any more. Outside critical sections.
void collector_retire(const char *why);
// Returns when the cycle under way, if there is one, has ended: from then on every marker knows what the caller has just told. Outside
// critical sections.
void collector_let_pass(void);

void collector_fork_prepare(void);
void collector_fork_parent(void);
void collector_fork_child(void);
