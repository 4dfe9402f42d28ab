// A buffer of 100,000 bytes.
#include "uaf.h"

static char *buffer[THREADS];

static bool scene(struct scene *s)
{
    begin(s, 100000, take_plainly);
    buffer[s->number] = (char *)watch(s, take_plainly(100000));
    free(buffer[s->number]);
    groom(s, "other buffer", sizeof "other buffer");
    return strcmp(buffer[s->number], "other buffer") == 0;
}
