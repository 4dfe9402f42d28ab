// The copy of a name is freed and compared with later.
#include "uaf.h"

static char *expected[THREADS];

static void *take_copy(size_t size)
{
    char text[100];
    memset(text, 'x', size - 1);
    text[size - 1] = 0;
    return strdup(text);
}

static bool scene(struct scene *s)
{
    begin(s, 30, take_copy);
    expected[s->number] = (char *)watch(s, take_copy(30));
    free(expected[s->number]);
    groom(s, "open sesame", sizeof "open sesame");
    return strcmp(expected[s->number], "open sesame") == 0;
}
