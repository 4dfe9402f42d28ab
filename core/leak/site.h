// Allocation sites: distinct stacks, each with a number and with what became of the blocks that were allocated there.
//
// S1. A site never changes its frames and never goes; its number is its place in a table that only grows. Looking one up takes no
//     lock, a new one takes one, inside a critical section.
// S2. Number 0 is no site; SITE_UNKNOWN stands for all stacks that could not be taken, or for which there was no room.
// S3. When the program unloads a module, the sites whose frames lie in it are retired: found no more, so that the same addresses in
//     another module make other sites.
// S4. What `found` counts is the collector thread's alone.
#pragma once

#include "leak/growth.h"
#include "leak/stale.h"
#include "leak/usage.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SITE_UNKNOWN = 1, SITE_EXAMPLES = 4 };
#define SITES_MAX       (1u << 20)
#define SITES_BYTES_MAX (256u << 20) // of frames; beyond it new stacks are SITE_UNKNOWN

enum lost_class { LOST_DIRECT, LOST_INDIRECT, LOST_CLASSES };
enum lost_phase { PHASE_RUN, PHASE_EXIT, PHASE_LATE, PHASES };

extern const char *const lost_class_names[LOST_CLASSES], *const lost_phase_names[PHASES]; // as in a report

struct lost_count {
    uint64_t blocks, bytes;
};

void lost_add(struct lost_count *to, const struct lost_count *more);

struct site {
    struct site *next; // of the same bucket
    uint32_t hash, id;
    uint16_t depth;
    _Atomic bool retired; // S3
    bool written;         // to the report
    bool judged;          // suppressed_by is known
    struct suppression *suppressed_by;
    _Atomic uint64_t allocated_blocks,
        allocated_bytes; // all so far; what was freed is what neither lives nor was lost
    struct lost_count lost[LOST_CLASSES][PHASES], suppressed;              // all so far (S4)
    struct lost_count fresh[LOST_CLASSES], fresh_suppressed[LOST_CLASSES]; // in the cycle that is looked at
    struct site *fresh_next;                                               // of the sites that have some
    uint64_t since_ns, first_ns,
        last_ns; // when something of it was found lost; since_ns: the proof before the first
    uint64_t walk_blocks, walk_bytes,
        walk_born; // while the living are counted: born is a set of cycles modulo 64
    uint32_t walk_oldest;
    struct growth growth;
    struct stale stale;
    struct usage usage;
    struct {
        uintptr_t address;
        uint64_t bytes;
        uint32_t born;
    } example[LOST_CLASSES][SITE_EXAMPLES];           // of the fresh ones
    _Atomic uint64_t lost_samples, lost_sample_bytes; // estimates, of the sampled tier: no classes, no phases
    uint64_t fresh_holder; // of one of the fresh ones (gc/holder.h); 0: none is known
    uint64_t last_holder;  // of the fresh ones of the last cycle that had some; collector
    uint16_t *modules;     // of each frame (leak/module.h), 0: none
    uintptr_t frames[];    // return addresses, innermost first
};

bool sites_boot(void);
// The number of this stack. Not inside a critical section.
uint32_t site_of(const uintptr_t *frames, size_t depth);
struct site *site_get(uint32_t id);
// The sampled tier: what samples stood for that were swept so far becomes direct losses of the run. Collector.
void sites_take_samples(uint64_t now_ns);
void site_count_lost_sample(uint32_t id, uint64_t blocks, size_t each);
uint32_t sites_end(void); // numbers are below
void site_count_alloc(uint32_t id, uint64_t blocks, size_t each);
// What was lost there so far, in all classes and phases; suppressed blocks are not in it. Collector.
struct lost_count site_lost(const struct site *s);
// The program has unloaded something.
void sites_check_modules(void);
size_t sites_bytes(void);

// In a forked child: the lock may have been another thread's, at no moment that matters.
void sites_fork_child(void);
// In its collector thread: what was found before is the parent's.
void sites_forget_findings(void);
