// What commands show; each adds its records to the answer, or ends it with an error. Collector thread only, between cycles.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct trace;

// ctl/figures.c: the heap, the cycles, the memory.
void figures_note_cycle(const struct trace *t);
void figures_forget(void);
void figures_stats(void);
void figures_cycle(void); // the last one
void figures_memory(void);

// ctl/whereabouts.c: addresses.
void whereabouts_who(uintptr_t address);

// ctl/stacks.c: threads.
void stacks_all(uint64_t tid); // 0: of all

// ctl/ledger.c: sites. False: no sites are kept, and the answer is an error.
bool ledger_is_kept(void);
void ledger_leaks(uint64_t most); // 0: all
void ledger_sites(uint64_t most);
void ledger_profile(uint64_t most);
void ledger_mark(const char *name);
void ledger_diff(const char *name);
void ledger_forget(void);
