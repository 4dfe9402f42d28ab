// A dangling write: a counter of a freed record is counted up in whoever has the memory now.
#include "uaf.h"

struct record {
    long hits;
    char name[90];
};

static struct record *last[THREADS];

NOINLINE static bool somebody_changed(const struct scene *s)
{
    for (size_t i = 0; i < s->sprayed; i++)
        if (strcmp(s->spray[i], "harmless") != 0) return true;
    return false;
}

static bool scene(struct scene *s)
{
    begin(s, sizeof(struct record), take_plainly);
    last[s->number] = (struct record *)watch(s, take_plainly(sizeof(struct record)));
    free(last[s->number]);
    groom(s, "harmless", sizeof "harmless");
    last[s->number]->hits++;
    return somebody_changed(s);
}
