// A program that has used up max_map_count: cycles end, nothing fails but what would fail without us.
// env: GCPRE_STRESS=0 GCPRE_VERIFY=0
// allow-stderr: ^gcpre
#include "check.h"

int main(void)
{
    enum { PAGE = 4096, LIMIT = 70000 };
    hazard(300, 60, put_slot, drop_slot);
    char *area = (char *)mmap(NULL, (size_t)LIMIT * 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(area != MAP_FAILED);
    int made = 0;
    while (made < LIMIT && mprotect(area + (size_t)made * 2 * PAGE, PAGE, PROT_READ) == 0) made++;
    CHECK(made > 20000, "%d", made);
    for (size_t i = 0; i < 300; i++) slots[i] = branded((char *)malloc(4000), 4000);
    for (int i = 0; i < 3; i++) collect();
    for (size_t i = 0; i < 300; i++) {
        CHECK(is_allocated(hide(slots[i])) && is_whole(hide(slots[i]), 4000));
        memset(slots[i], 1, 4000);
        slots[i] = NULL;
    }
    munmap(area, (size_t)LIMIT * 2 * PAGE);
    hazard(300, 60, put_slot, drop_slot);
}
