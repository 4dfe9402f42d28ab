// gcpre_read_stats: the figures move with what the program does; an older caller's shorter struct is filled as far as it goes.
// env: GCPRE_STRESS=0
#include "check.h"

enum { BLOCKS = 1000, SIZE = 5000 };

static char *volatile kept[BLOCKS];

static struct gcpre_stats now(void)
{
    struct gcpre_stats stats;
    memset(&stats, 0xff, sizeof stats);
    CHECK(gcpre_read_stats(&stats) == gcpre_available());
    return stats;
}

NOINLINE static void fill(void)
{
    for (size_t i = 0; i < BLOCKS; i++) kept[i] = (char *)malloc(SIZE);
}

NOINLINE static void lose(void)
{
    for (size_t i = 0; i < BLOCKS; i++) kept[i] = NULL;
}

static void without(void)
{
    struct gcpre_stats stats = now(), none = {0};
    CHECK(memcmp(&stats, &none, sizeof stats) == 0);
}

static void shorter(void)
{
    struct gcpre_stats stats;
    memset(&stats, 0xff, sizeof stats);
    stats.size = offsetof(struct gcpre_stats, heap_live);
    CHECK(libgcpre_read_stats(&stats) == 1);
    CHECK(stats.size == offsetof(struct gcpre_stats, heap_live));
    CHECK(stats.heap_alloc < UINT64_MAX && stats.heap_live == UINT64_MAX);
    struct { struct gcpre_stats known; char younger[64]; } longer;
    memset(&longer, 0xff, sizeof longer);
    longer.known.size = sizeof longer;
    libgcpre_read_stats(&longer.known);
    CHECK(longer.known.size == sizeof longer.known && longer.younger[0] == (char)0xff);
}

int main(void)
{
    if (!gcpre_available()) {
        without();
        return 0;
    }
    shorter();
    struct gcpre_stats before = now();
    CHECK(before.size == sizeof before);
    fill();
    struct gcpre_stats full = now();
    CHECK(full.heap_alloc >= before.heap_alloc + BLOCKS * SIZE, "%lu, then %lu", before.heap_alloc, full.heap_alloc);
    CHECK(full.total_alloc >= before.total_alloc + BLOCKS * SIZE);
    CHECK(full.heap_sys >= full.heap_alloc && full.other_sys > 0);
    CHECK(full.gc_percent == 100 && full.memory_limit == SIZE_MAX && full.passive == 0);
    collect();
    struct gcpre_stats collected = now();
    CHECK(collected.num_gc > before.num_gc && collected.num_forced_gc > before.num_forced_gc);
    CHECK(collected.heap_live >= BLOCKS * SIZE && collected.heap_goal >= collected.heap_live);
    CHECK(collected.pause_last_ns > 0 && collected.pause_max_ns >= collected.pause_last_ns);
    CHECK(collected.pause_total_ns >= collected.pause_max_ns && collected.gc_cpu_ns > 0);
    CHECK(collected.pause_stopping_ns > 0 && collected.pause_roots_ns > 0);
    CHECK(collected.pause_stopping_ns + collected.pause_roots_ns + collected.pause_written_ns <= collected.pause_last_ns);
    CHECK(collected.roots_bytes > 0 && collected.stacks_bytes > 0);
    lose();
    drop_and_collect();
    struct gcpre_stats lost = now();
    CHECK(lost.reclaimed_blocks >= collected.reclaimed_blocks + BLOCKS * 95 / 100, "%lu blocks", lost.reclaimed_blocks);
    CHECK(lost.reclaimed_bytes >= collected.reclaimed_bytes + BLOCKS / 100 * 95 * SIZE);
    CHECK(lost.heap_alloc < full.heap_alloc - BLOCKS / 2 * SIZE);
}
