// Mappings with the only pointers come, move, grow, shrink and go while another thread collects.
#include "check.h"

enum { PAGE = 4096, SLOTS = PAGE / sizeof(char *) };

static char **map_pages(size_t pages)
{
    void *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    return (char **)p;
}

NOINLINE static void one_life(unsigned round)
{
    char **pages = map_pages(4);
    for (size_t i = 0; i < SLOTS; i++) pages[i] = branded((char *)malloc(32 + i % 100), 32 + i % 100);
    pages = (char **)mremap(pages, 4 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
    CHECK(pages != MAP_FAILED);
    char **over = map_pages(1);  // the first page moves over another mapping; the hole it leaves is anybody's
    CHECK(mremap(pages, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, over) == over);
    if (round % 3 == 0) wait_for_cycles(1);
    for (size_t i = 0; i < SLOTS; i++) {
        CHECK(is_allocated(hide(over[i])) && is_whole(hide(over[i]), 32 + i % 100), "round %u, block %zu", round, i);
        if (i % 2) free(over[i]);
    }
    CHECK(munmap(over, PAGE) == 0 && munmap(pages + SLOTS, 63 * PAGE) == 0);
}

static void *body(void *unused)
{
    for (unsigned round = 0; round < 40; round++) one_life(round);
    return unused;
}

int main(void)
{
    herd_lose(&lost, 1000, RARE_SIZE);
    collector_start();
    pthread_t threads[] = {start(body, NULL), start(body, NULL)};
    for (size_t i = 0; i < COUNT(threads); i++) join(threads[i]);
    collector_stop();
    drop_and_collect();
    herd_check_gone(&lost);
}
