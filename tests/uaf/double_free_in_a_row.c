// A block is freed twice, with another one in between, before anybody asks: the two next owners get the same (glibc's "fastbin dup").
// threads: 1 (beside other threads glibc notices by chance)
// says: free\(.*free already
#include "uaf.h"

enum { CACHED = 7, SIZE = 40 }; // glibc's thread caches so many before it uses its other lists, which look at the newest entry only

static char *owner[THREADS][CACHED + 3];

NOINLINE static bool some_are_equal(unsigned number)
{
    for (size_t i = 0; i < COUNT(owner[0]); i++)
        for (size_t k = 0; k < i; k++)
            if (owner[number][i] == owner[number][k]) return true;
    return false;
}

static bool scene(struct scene *s)
{
    void *cached[CACHED];
    begin(s, SIZE, take_plainly);
    for (size_t i = 0; i < CACHED; i++) cached[i] = malloc(SIZE);
    char *a = (char *)malloc(SIZE), *b = (char *)malloc(SIZE);
    for (size_t i = 0; i < CACHED; i++) free(cached[i]);
    free(a);
    free(b);
    free(a);
    for (size_t i = 0; i < COUNT(owner[0]); i++) owner[s->number][i] = (char *)malloc(SIZE);
    if (some_are_equal(s->number)) return true; // more from that list, and glibc would notice
    groom(s, "", 1);
    return false;
}
