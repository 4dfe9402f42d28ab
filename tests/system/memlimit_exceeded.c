// More lives than GCPRE_MEMLIMIT allows: the program goes on, its heap stays within what it would be without a limit, the limit can be met
// again, and from then on it is. With assists and cycles all the time it would crawl.
// alone: yes
// env: GCPRE_MEMLIMIT=50MiB GCPRE_STRESS=0
// timeout: 180
// needs-library: yes
#include "check.h"

enum { SIZE = 1000, MANY = (64 << 20) / SIZE, FEW = MANY / 8, TOTAL = (1 << 30) / SIZE };
static char *kept[MANY];

NOINLINE static void make_garbage(size_t blocks)
{
    for (size_t i = 0; i < blocks; i++) branded((char *)malloc(SIZE), SIZE);
}

NOINLINE static void keep(size_t count)
{
    for (size_t i = 0; i < count; i++) kept[i] = branded((char *)malloc(SIZE), SIZE);
}

int main(void)
{
    keep(MANY);
    make_garbage(TOTAL);
    for (size_t i = 0; i < MANY; i++) CHECK(is_allocated(hide(kept[i])) && is_whole(hide(kept[i]), SIZE), "block %zu", i);
    CHECK(status_of("VmHWM:") < 192 << 10, "peak of %ld kB", status_of("VmHWM:"));

    for (size_t i = FEW; i < MANY; i++) kept[i] = NULL;
    clear_stack();
    for (time_t deadline = time(NULL) + 120; status_of("VmRSS:") > 50 << 10;) { // what died, and what is free, goes
        CHECK(time(NULL) < deadline, "still %ld kB", status_of("VmRSS:"));
        make_garbage(1000);
        usleep(50000);
    }
    for (size_t i = 0; i < FEW; i++) CHECK(is_allocated(hide(kept[i])) && is_whole(hide(kept[i]), SIZE), "block %zu", i);
}
