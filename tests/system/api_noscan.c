// gcpre_malloc_noscan: what lies in such a block keeps nothing alive, small or large, before and after realloc; the block itself lives
// as any other, and gcpre_add_roots makes a part of it count.
// env: GCPRE_STRESS=0
#include "check.h"

#include <malloc.h>

enum { POINTERS = 1000 };

static void **volatile holder;
static struct herd herd;

NOINLINE static void **fill(void **into)
{
    herd.count = 0;
    for (size_t i = 0; i < POINTERS; i++) into[i] = herd_add(&herd, (char *)malloc(RARE_SIZE), RARE_SIZE);
    return into;
}

NOINLINE static size_t gone(void)
{
    size_t count = 0;
    drop_and_collect();
    for (size_t i = 0; i < herd.count; i++) count += !is_allocated(herd.at[i]);
    return count;
}

NOINLINE static void keeps(bool some, const char *what)
{
    size_t lost = gone();
    if (!gcpre_available()) return;
    CHECK(some ? lost == 0 : lost >= POINTERS * 95 / 100, "%s: %zu of %d gone", what, lost, POINTERS);
}

NOINLINE static void grown(size_t bytes, const char *what)
{
    holder = (void **)realloc((void *)holder, bytes);
    fill(holder);
    keeps(false, what);
}

int main(void)
{
    size_t small = POINTERS * sizeof(void *);
    holder = fill((void **)malloc(small));
    keeps(true, "malloc");
    free((void *)holder);
    holder = fill((void **)gcpre_malloc_noscan(small));
    keeps(false, "small");
    CHECK(malloc_usable_size((void *)holder) >= small && is_allocated(hide((void *)holder)));
    CHECK(gcpre_add_roots((void *)holder, small) == 0);
    fill(holder);
    keeps(true, "small, with roots");
    for (size_t i = 0; i < POINTERS; i++) CHECK(is_whole(hide(holder[i]), RARE_SIZE));
    CHECK(gcpre_remove_roots((void *)holder, small) == 0);
    keeps(false, "small, roots removed");
    grown(2 * small, "small, moved");
    grown(100000, "large, moved");
    grown(200000, "large, resized");
    free((void *)holder);
    holder = fill((void **)gcpre_malloc_noscan(300000));
    keeps(false, "large");
    grown(small, "small again");
    holder = NULL;
    holder = fill((void **)malloc(small)); // perhaps where a block without pointers was
    keeps(true, "malloc again");
    errno = 0;
    CHECK(gcpre_malloc_noscan(PTRDIFF_MAX - (size_t)time(NULL) % 2) == NULL && errno == ENOMEM);
}
