// The fail-safe rule, in one place: a cycle collects reasons not to reclaim. With one or more of them it marks, counts, and frees nothing.
//
// A reason is a constant text: what went wrong, so that it reads behind "nothing reclaimed: ". Reasons of a cycle go with it; a reason
// for good stays, and no cycle runs in this process any more.
//
// B1. Whoever cannot do its part of a cycle says so before the sweep begins; nobody takes a reason back.
// B2. A cycle's reasons are in its trace line. They get a line of the log when DOUBT_ROW cycles in a row had some and these were not told
//     yet: on a busy machine a thread may be late a few times. A reason for good has its line at once.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { DOUBT_ROW = 8 };

// Of a cycle: the collector thread's.
void doubt_begin(void);
void doubt_for(const char *why); // NULL: no reason
bool doubt_some(void);
const char *doubt_text(void); // all of them, "; " between; NULL: none. Until the next cycle begins
void doubt_tell(void);        // the cycle has ended

// For good: any thread. True the first time.
bool doubt_for_good(const char *why);
bool doubt_is_for_good(void);
const char *doubt_why_for_good(void); // NULL: it is not
