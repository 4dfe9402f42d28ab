// What commands show; each adds its records to the answer, or ends it with an error. Collector thread only, between cycles.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// ctl/figures.c: the heap, the cycles, the memory.
void figures_stats(void);
void figures_cycle(void); // the last one
void figures_memory(void);

// ctl/whereabouts.c: addresses. The address of the block there, 0: the answer is complete.
uintptr_t whereabouts_who(uintptr_t address);
void whereabouts_put_block(uintptr_t base);
void whereabouts_stuck(void); // after a cycle that looked (gc/stuck.h)

// ctl/stacks.c: threads.
void stacks_all(uint64_t tid); // 0: of all

// ctl/why.c: what takes a walk over the heap. True: there is more to do, by why_goes_on.
bool why_block(uintptr_t base);
bool why_oldest(uint32_t site);
bool why_retained(uint64_t most);
bool why_weakly(uint64_t most);
bool why_goes_on(void);
void why_forget(void); // an answer that will not be completed

// ctl/ledger.c: sites. False: no sites are kept, and the answer is an error.
bool ledger_is_kept(void);
void ledger_leaks(uint64_t most); // 0: all
void ledger_sites(uint64_t most);
void ledger_profile(uint64_t most);
void ledger_retained(uint64_t most); // while it is known (leak/retain.h)
void ledger_weakly(uint64_t most);   // while it is known (leak/weak.h)
void ledger_mark(const char *name);
void ledger_diff(const char *name);
void ledger_forget(void);
