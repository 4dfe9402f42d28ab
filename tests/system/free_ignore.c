// GCPRE_FREE=ignore: what is freed stays as it is until nothing refers to it, and is used again then; a second free does nothing either.
// env: GCPRE_FREE=ignore
// needs-library: yes
#include "check.h"

enum { COUNT = 200, SIZE = 144 };
static char *volatile kept[COUNT];
static hidden addresses[COUNT];

NOINLINE static void fill_and_free(void)
{
    for (int i = 0; i < COUNT; i++) {
        kept[i] = (char *)malloc(SIZE);
        memset(kept[i], i, SIZE);
        addresses[i] = hide(kept[i]);
        free(kept[i]);
        free(kept[i]);
    }
}

NOINLINE static int reused(void)
{
    int count = 0;
    for (int n = 0; n < 20 * COUNT; n++) {
        hidden fresh = hide(malloc(SIZE));
        for (int i = 0; i < COUNT; i++) count += fresh == addresses[i];
    }
    return count;
}

int main(void)
{
    fill_and_free();
    drop_and_collect();
    CHECK(reused() == 0);
    for (int i = 0; i < COUNT; i++)
        for (int at = 0; at < SIZE; at++) CHECK(kept[i][at] == (char)i, "block %d byte %d", i, at);
    for (int i = 0; i < COUNT; i++) kept[i] = NULL;
    int count = 0;
    for (int i = 0; i < 20 && count == 0; i++) {
        drop_and_collect();
        count += reused();
    }
    CHECK(count > 0, "nothing is ever used again");
}
