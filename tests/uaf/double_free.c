// A block is freed twice, and between the two it is somebody else's: who asks next gets what that one still owns.
// says: free\(.*free already
#include "uaf.h"

static void *volatile freed_twice[THREADS];

static bool scene(struct scene *s)
{
    begin(s, 72, take_plainly);
    freed_twice[s->number] = watch(s, take_plainly(72));
    free(freed_twice[s->number]);
    groom(s, "first", 6);
    free(freed_twice[s->number]);
    groom(s, "second", 7);
    return s->hits > 1;
}
