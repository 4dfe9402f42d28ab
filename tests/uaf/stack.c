// The pointer is a local variable of a function that is at work.
#include "uaf.h"

static bool scene(struct scene *s)
{
    begin(s, 200, take_plainly);
    char *buffer = (char *)watch(s, take_plainly(200));
    strcpy(buffer, "expected");
    free(buffer);
    groom(s, "injected", sizeof "injected");
    return strcmp(buffer, "injected") == 0;
}
