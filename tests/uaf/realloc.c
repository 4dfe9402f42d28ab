// A table moved when it grew; somebody still has its old address.
#include "uaf.h"

enum { SIZE = 96 };
static long *table[THREADS], *cursor[THREADS];

static bool scene(struct scene *s)
{
    const long wanted = 0x600df00d;
    begin(s, SIZE, take_plainly);
    table[s->number] = (long *)watch(s, take_plainly(SIZE));
    void *behind = malloc(SIZE); // so that it cannot grow where it is
    cursor[s->number] = table[s->number];
    table[s->number] = (long *)realloc(table[s->number], 20 * SIZE);
    CHECK(hide(table[s->number]) != s->victim && behind);
    groom(s, &wanted, sizeof wanted);
    return *cursor[s->number] == wanted;
}
