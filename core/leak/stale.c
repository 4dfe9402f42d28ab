#include "leak/stale.h"

#include "base/clock.h"
#include "base/options.h"
#include "world/written.h"

enum { STALE_WINDOWS = 3, LOOKS = 32 };

// What there was at a moment. The last LOOKS of them, with windows between them, and apart by a fraction of the time that counts.
struct look {
    uint32_t moment, cycle, windows;
};

static struct look looks[LOOKS];
static uint32_t taken;
static struct look limit; // of this walk: who was born later, or written later, is not stale
static bool watching;

static uint32_t moment_now(void) { return (uint32_t)(clock_ns() >> WRITTEN_SHIFT); }

static uint32_t moments_needed(void) { return (uint32_t)(options.stale_ns >> WRITTEN_SHIFT) + 1; }

void stale_boot(void) { watching = options.stale_ns && written_boot(); }

void stale_forget(void) { taken = 0; }

static const struct look *look_back(uint32_t steps) { return &looks[(taken - 1 - steps) % LOOKS]; }

void stale_cycle_ended(uint32_t cycle)
{
    struct look look = {moment_now(), cycle, written_windows()};
    bool is_new = !taken || (look.moment - look_back(0)->moment >= moments_needed() / (LOOKS / 2) &&
                             look.windows != look_back(0)->windows);
    if (!watching || !is_new)
        return;
    looks[taken++ % LOOKS] = look;
}

bool stale_walk_begins(void)
{
    uint32_t now = moment_now(), kept = taken < LOOKS ? taken : LOOKS;
    for (uint32_t steps = 0; steps < kept; steps++) {
        limit = *look_back(steps);
        if (now - limit.moment > moments_needed() && written_windows() >= limit.windows + STALE_WINDOWS)
            return true;
    }
    return false;
}

void stale_meet(struct stale *s, uint32_t born, uintptr_t base, size_t bytes, size_t asked)
{
    uint32_t last = born < limit.cycle ? written_last(base, bytes) : UINT32_MAX;
    if (last >= limit.moment)
        return;
    if (!s->blocks || last < s->oldest)
        s->oldest = last;
    s->blocks++;
    s->bytes += asked;
}

uint64_t stale_unwritten_ns(const struct stale *s)
{
    return (uint64_t)(moment_now() - s->oldest) << WRITTEN_SHIFT;
}
