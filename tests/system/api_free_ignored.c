// GCPRE_FREE=ignore: what free ignores is freed all the same for who looks from outside: weak references to it are NULL, its cleanups do
// not run; those of blocks that are merely lost do.
// env: GCPRE_FREE=ignore GCPRE_STRESS=0
// needs-library: yes
#include "check.h"

enum { BLOCKS = 200 };

static const size_t sizes[] = {900, 100000};
static struct gcpre_weak *refs[BLOCKS];
static int freed, gone;

static void count(void *counter) { ADD(*(int *)counter, 1); }

NOINLINE static void make_and_free(size_t size)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        char *p = branded((char *)malloc(size), size);
        CHECK(gcpre_add_cleanup(p, count, &freed).record);
        refs[i] = gcpre_weak_new(p);
        if (i % 2)
            free(p);
        else
            CHECK(realloc(p, size * 3) != p);
    }
}

NOINLINE static void make_and_lose(size_t size)
{
    for (size_t i = 0; i < BLOCKS; i++) CHECK(gcpre_add_cleanup(malloc(size), count, &gone).record);
}

int main(void)
{
    for (size_t i = 0; i < COUNT(sizes); i++) {
        int before = GET(gone);
        make_and_free(sizes[i]);
        for (size_t n = 0; n < BLOCKS; n++) {
            CHECK(gcpre_weak_get(refs[n]) == NULL, "block %zu of %zu bytes", n, sizes[i]);
            gcpre_weak_free(refs[n]);
        }
        make_and_lose(sizes[i]);
        WAIT_UNTIL((drop_and_collect(), GET(gone) >= before + BLOCKS * 95 / 100));
        CHECK(GET(freed) == 0, "%d cleanups of freed blocks", freed);
    }
}
