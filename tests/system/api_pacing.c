// gcpre_set_gc_percent and gcpre_set_memory_limit: they return what was set before, and count at once.
// env: GCPRE_STRESS=0
#include "check.h"

static char *volatile kept[64];

static struct gcpre_stats now(void)
{
    struct gcpre_stats stats;
    gcpre_read_stats(&stats);
    return stats;
}

NOINLINE static void grow(void)
{
    for (size_t i = 0; i < COUNT(kept); i++) kept[i] = branded((char *)malloc(1 << 20), 1 << 20);
}

NOINLINE static void churn(size_t mebibytes)
{
    for (size_t i = 0; i < mebibytes << 6; i++) branded((char *)malloc(16 << 10), 16 << 10);
}

static void without(void)
{
    CHECK(gcpre_set_gc_percent(50) == -1 && gcpre_set_gc_percent(-1) == -1);
    CHECK(gcpre_set_memory_limit(1 << 20) == SIZE_MAX && gcpre_set_memory_limit(0) == SIZE_MAX);
}

int main(void)
{
    if (!gcpre_available()) {
        without();
        return 0;
    }
    CHECK(gcpre_set_gc_percent(50) == 100);
    CHECK(gcpre_set_gc_percent(-7) == 50);
    CHECK(gcpre_set_gc_percent(0) == -1);
    CHECK(gcpre_set_gc_percent(1000000) == 1);
    CHECK(gcpre_set_gc_percent(100) == 100000);
    grow();
    collect();
    uint64_t at_100 = now().heap_goal;
    gcpre_set_gc_percent(10);
    CHECK(now().heap_goal < at_100);
    gcpre_set_gc_percent(-1);
    CHECK(now().heap_goal == UINT64_MAX);
    uint64_t cycles = now().num_gc;
    churn(100);
    CHECK(now().num_gc == cycles, "cycles although they are off");
    CHECK(gcpre_set_memory_limit(0) == SIZE_MAX);
    CHECK(gcpre_set_memory_limit(96 << 20) == SIZE_MAX);
    CHECK(gcpre_set_memory_limit(0) == 96 << 20);
    CHECK(now().heap_goal < UINT64_MAX && now().memory_limit == 96 << 20);
    churn(100);
    WAIT_UNTIL((churn(1), now().num_gc > cycles));
    for (size_t i = 0; i < COUNT(kept); i++) CHECK(is_whole(hide(kept[i]), 1 << 20));
}
