// What happens to the living from cycle to cycle: walks over them, as many as time allows, and what these make known (leak/growth.h).
//
// T1. A walk that took t of processor time is followed by none for 20 * t: at most a twentieth of one processor goes there. With samples,
//     which are few, at most a hundredth.
// T2. Cycles with a doubt and cycles after the program's end are passed over: what is dead is among the living there.
#pragma once

#include "leak/growth.h"
#include "leak/site.h"

// After a cycle that proved what is lost. tell is called for sites with news. Collector thread, between cycles.
void trend_cycle_ended(uint64_t now_ns, void (*tell)(const struct site *s, enum growth_news news));
// The site's suspicion, for the living as they were at the last walk of these.
static inline bool trend_is_growing(const struct site *s) { return s->growth.suspect; }
