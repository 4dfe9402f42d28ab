// GCPRE_FREE=quarantine: much that the program freed and still leads to makes no cycle follow the other: nothing new was freed.
// env: GCPRE_FREE=quarantine GCPRE_STRESS=0 GCPRE_PERIOD=off
// config: default none
// needs-library: yes
#include "check.h"

enum { HELD = 200000, TURNS = 60000 };
static char *dangling[HELD], *volatile short_lived;

static unsigned cycles(void)
{
    struct gcpre_stats stats;
    CHECK(gcpre_read_stats(&stats));
    return (unsigned)stats.num_gc;
}

int main(void)
{
    for (size_t i = 0; i < HELD; i++) dangling[i] = (char *)malloc(100);
    for (size_t i = 0; i < HELD; i++) free(dangling[i]);
    drop_and_collect();
    unsigned before = cycles();
    for (size_t i = 0; i < TURNS; i++) { // four MiB are freed in all; the heap has twenty
        short_lived = (char *)malloc(64);
        free(short_lived);
        if (i % 1000 == 0) usleep(2000);
    }
    CHECK(cycles() - before <= 4, "%u cycles for nothing", cycles() - before);
    gcpre_collect();
    for (size_t i = 0; i < HELD; i += 1000) CHECK(!is_allocated(hide(dangling[i])), "freed block %zu counts as allocated", i);
    memset(dangling, 0, sizeof dangling);
}
