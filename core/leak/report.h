// The report: where it goes, and its records as JSON lines (core/leak/FORMAT.md). Collector thread only.
//
// W1. A record is appended by one write, as soon as it is known: a process that is killed leaves all of them. It says whose it is, for
//     other processes may append to the same file.
// W2. Standard error is the descriptor of the beginning, in the collector's own table, whatever the program does with its own; in a
//     forked child it is the program's of the moment.
#pragma once

#include "leak/site.h"

#include <stdbool.h>

struct trace;

void report_begin(void); // for a process of its own: it has a process line
void report_open(void);  // the thread's table of descriptors is new
void report_write(const char *text, size_t bytes);
// One formatted line of text, as log_line's formats are.
void report_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Where records go instead of the report, until NULL. Each destination has its own memory of which sites and modules it was told of: the
// functions say true once for each. names: with functions' names, which reads symbol tables into private memory.
struct report_sink {
    void (*write)(const char *line, size_t bytes);
    bool (*is_new_site)(uint32_t id);
    bool (*is_new_module)(uint16_t index);
    bool names;
};
void report_redirect(const struct report_sink *to);
void report_put_process(void);
void report_put_site(const struct site *s); // and its modules, unless they are known there
void report_put_module(uint16_t index);     // 0: none
void report_put_living(const struct site *s, uint64_t cycle,
                       uint64_t now_ns); // after findings_walk; and its site
uint32_t report_number_of(const struct site *s);
const char *report_pattern_of(const struct site *s); // why what was lost there is suppressed
void report_put_module(uint16_t index);              // unless it is known there
void report_put_end(void);                           // ends the object that was begun
// Where the last pointer was seen (gc/holder.h), inside of the object that was begun; 0: nothing (cycle: it is
// not told). And before it what that refers to.
void report_put_holder(uint64_t holder, uint64_t cycle);
void report_put_holders_parts(uint64_t holder);
size_t report_resident_bytes(void);
// A site that grows, or that does no longer (leak/growth.h); after a walk. And its site.
void report_growing(const struct site *s, uint64_t cycle, uint64_t now_ns, bool ended);
void report_all_growing(uint64_t cycle, uint64_t now_ns);

void report_process(void); // before the first record of a cycle: once a process line
void report_cycle(const struct trace *t, uint64_t now_ns);
void report_lost(const struct site *fresh, const struct trace *t, enum lost_phase phase, uint64_t now_ns,
                 uint64_t since_ns);
void report_living(const struct trace *t, uint64_t now_ns); // after findings_walk
struct lost_totals {
    struct lost_count lost, late, suppressed;
};
struct lost_totals report_totals(void);
// Why more may be lost than was proven (NULL: it is not), and when the last proof was.
struct report_gap {
    const char *why;
    uint64_t proven_ns;
};
void report_end(uint64_t now_ns, const char *reason, const struct report_gap *gap);
