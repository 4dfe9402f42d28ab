// A picture of 3 MB.
// outcome: faults (its pages are inaccessible)
#include "uaf.h"

enum { SIZE = 3000000 };
static char *picture[THREADS];

static bool scene(struct scene *s)
{
    begin(s, SIZE, take_plainly);
    picture[s->number] = (char *)watch(s, take_plainly(SIZE));
    free(picture[s->number]);
    groom(s, "other picture", sizeof "other picture");
    return strcmp(picture[s->number], "other picture") == 0;
}
