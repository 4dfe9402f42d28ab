// The report in LeakSanitizer's layout, which parsers exist for. Collector thread only.
#pragma once

#include "leak/site.h"

// What comes is about a process of its own, and has its own heading.
void text_begin(void);
// The groups that one cycle found, as they are proven.
void text_fresh(const struct site *fresh);
// All groups of all cycles, largest first, then the suppressions that were used, what was lost only at exit, the summary, and
// what grows. groups false: they have been shown as they were proven. incomplete: why there may be more; NULL: there is not. Nothing at
// all when there is nothing to say.
void text_all(bool groups, const char *incomplete);
// A site that grows. Not of LeakSanitizer's: its parsers pass over it.
void text_growing(const struct site *s);
// Sites of which blocks are held weakly, largest first, in the words of `gcpre report`; after findings_walk, while the weak ones are known
// (leak/weak.h). Nor is this LeakSanitizer's.
void text_weakly(void);
// The frames of a site, a line each, and an empty one.
void text_stack(const struct site *s);
