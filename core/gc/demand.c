#include "gc/demand.h"

#include "base/bits.h"

enum { RING = DEMAND_SECONDS + 1 };
#define SECOND_NS 1000000000u

void demand_look(struct demand *d, uint64_t now_ns, uint64_t allocated_total, size_t used_bytes)
{
    uint64_t now = now_ns / SECOND_NS, before = d->total[d->second % RING];
    if (now > d->second + RING)
        d->second = now - RING; // the whole ring is older
    while (d->second < now) {
        d->total[++d->second % RING] = before;
        d->peak[d->second % RING] = 0;
    }
    d->total[d->second % RING] = allocated_total;
    demand_used(d, used_bytes);
}

void demand_used(struct demand *d, size_t bytes)
{
    size_t *peak = &d->peak[d->second % RING];
    *peak = max_size(*peak, bytes);
}

size_t demand_peak(const struct demand *d)
{
    size_t most = 0;
    for (int i = 0; i < RING; i++)
        most = max_size(most, d->peak[i]);
    return most;
}

void demand_forget_peak(struct demand *d)
{
    for (int i = 0; i < RING; i++)
        d->peak[i] = 0;
}

size_t demand_lately(const struct demand *d)
{
    return d->total[d->second % RING] - d->total[(d->second + 1) % RING];
}

bool demand_reaches(const struct demand *d, size_t bytes, unsigned seconds)
{
    return (double)demand_lately(d) * seconds >= (double)bytes * DEMAND_SECONDS;
}
