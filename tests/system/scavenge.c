// After a peak the process shrinks by itself within a minute, without a doubling or the forced cycle: also a program that merely drops its
// blocks. What lives on is whole, in spans of which parts were given back too.
// args: free
// args: drop
// args: free-scattered
// env: GCPRE_PERIOD=off GCPRE_STRESS=0
// timeout: 180
// needs-library: yes
#include "check.h"

enum { SIZE = 1000, PEAK = (128 << 20) / SIZE, LIVE = (8 << 20) / SIZE, LONGEST = 120 };
static char **blocks;

NOINLINE static void build(void)
{
    for (size_t i = 0; i < PEAK; i++) blocks[i] = branded((char *)malloc(SIZE), SIZE);
}

// Runs of 32 blocks stay together, or all of them at one end.
NOINLINE static bool stays(size_t i, bool scattered) { return scattered ? i / 32 % (PEAK / LIVE) == 0 : i < LIVE; }

NOINLINE static void let_go(bool drop, bool scattered)
{
    for (size_t i = 0; i < PEAK; i++) {
        if (stays(i, scattered)) continue;
        if (!drop) free(blocks[i]);
        blocks[i] = NULL;
    }
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    bool drop = strncmp(argv[1], "drop", 4) == 0, scattered = strstr(argv[1], "scattered");
    blocks = (char **)mmap(NULL, PEAK * sizeof *blocks, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    build();
    long peak = status_of("VmRSS:");
    CHECK(peak > 128 << 10, "peak of %ld kB", peak);
    let_go(drop, scattered);
    clear_stack();
    time_t deadline = time(NULL) + LONGEST;
    while (status_of("VmRSS:") > (scattered ? 40 : 24) << 10) {
        CHECK(time(NULL) < deadline, "still %ld kB", status_of("VmRSS:"));
        usleep(200000);
    }
    for (size_t i = 0; i < PEAK; i++)
        if (stays(i, scattered)) CHECK(is_allocated(hide(blocks[i])) && is_whole(hide(blocks[i]), SIZE), "block %zu", i);
    build(); // and what was given back is there again
    for (size_t i = 0; i < PEAK; i++) CHECK(is_whole(hide(blocks[i]), SIZE), "block %zu", i);
}
