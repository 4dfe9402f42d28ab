// Tracked memory changes under the collector's feet: globals and mappings are remapped, purged and reprotected in mid-cycle
// while the only pointers move within them.
// allow-stderr: ^gcpre
#include "check.h"

enum { PAGE = 4096, PAGES = 32, SLOTS = 200 };
static char *area;

static char **slot(size_t i) { return (char **)(area + i % PAGES * PAGE) + i / PAGES; }

/* Each leaves the contents as they are. A mapping is left behind when one moves: another thread might take the hole. */
static void move_away_and_back(void)
{
    const int flags = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
    char *elsewhere = (char *)mremap(area, PAGES * PAGE, PAGES * PAGE, flags, area + 4 * PAGES * PAGE);
    CHECK(elsewhere != MAP_FAILED);
    CHECK(mremap(elsewhere, PAGES * PAGE, PAGES * PAGE, flags, area) == area);
}
static void replace(void)
{
    static char saved[PAGE];
    memcpy(saved, area, PAGE);
    CHECK(mmap(area, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == area);
    memcpy(area, saved, PAGE);
    memset(saved, 0, PAGE);
}
static void purge(void)
{
    static char saved[PAGE];
    memcpy(saved, area + PAGE, PAGE);
    CHECK(madvise(area + PAGE, PAGE, MADV_DONTNEED) == 0);
    memcpy(area + PAGE, saved, PAGE);
    memset(saved, 0, PAGE);
}
static void reprotect(void)
{
    CHECK(mprotect(area, PAGES * PAGE, PROT_READ) == 0 && mprotect(area, PAGES * PAGE, PROT_READ | PROT_WRITE) == 0);
}
static void (*const changes[])(void) = {move_away_and_back, replace, purge, reprotect};

NOINLINE static void exchange(size_t a, size_t b)
{
    char *p = *slot(a);
    CHECK(is_allocated(hide(p)) && is_whole(hide(p), 100), "slot %zu", a);
    *slot(a) = *slot(b);
    *slot(b) = p;
}

int main(void)
{
    area = (char *)mmap(NULL, 8 * PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < SLOTS; i++) *slot(i) = branded((char *)malloc(100), 100);
    herd_lose(&lost, 1000, RARE_SIZE);
    collector_start();
    for (size_t round = 0; round < 2000; round++) {
        changes[round % COUNT(changes)]();
        for (size_t i = 0; i < 10; i++) exchange((round * 7 + i * 3) % SLOTS, (round * 11 + i * 5) % SLOTS);
        if (round % 100 == 0) wait_for_cycles(1);
    }
    collector_stop();
    for (size_t i = 0; i < SLOTS; i++) CHECK(is_allocated(hide(*slot(i))) && is_whole(hide(*slot(i)), 100), "slot %zu", i);
    drop_and_collect();
    herd_check_gone(&lost);
}
