// GCPRE_FREE=quarantine: a freed block's memory is not reused as long as a pointer to it exists, and is soon after.
// env: GCPRE_FREE=quarantine
// needs-library: yes
#include "check.h"

static char *volatile dangling[500];
static hidden addresses[500];

NOINLINE static void free_all(void)
{
    for (size_t i = 0; i < 500; i++) {
        dangling[i] = (char *)malloc(120);
        addresses[i] = hide(dangling[i]);
        free(dangling[i]);
    }
}

NOINLINE static size_t reused(size_t allocations)
{
    size_t count = 0;
    for (size_t n = 0; n < allocations; n++) {
        hidden fresh = hide(malloc(120));
        for (size_t i = 0; i < 500; i++) count += fresh == addresses[i];
        free(unhide(fresh));
    }
    return count;
}

int main(void)
{
    free_all();
    drop_and_collect();
    CHECK(reused(3000) == 0, "a block was reused while a pointer to it exists");
    drop_and_collect();
    CHECK(reused(3000) == 0, "a block was reused while a pointer to it exists");
    for (size_t i = 0; i < 500; i++) dangling[i] = NULL;
    size_t count = 0;
    for (int i = 0; i < 20 && count == 0; i++) {
        drop_and_collect();
        count += reused(3000);
    }
    CHECK(count > 0, "nothing is ever reused");
}
