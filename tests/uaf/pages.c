// A block of two pages.
#include "uaf.h"

static char *page[THREADS];

static bool scene(struct scene *s)
{
    begin(s, 8192, take_plainly);
    page[s->number] = (char *)watch(s, take_plainly(8192));
    free(page[s->number]);
    groom(s, "other page", sizeof "other page");
    return strcmp(page[s->number], "other page") == 0;
}
