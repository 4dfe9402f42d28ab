// The pointer lies in a block that is freed itself, and that is used after free, too.
#include "uaf.h"

struct owner {
    long pad[20];
    char *name;
};

static struct owner *owners[THREADS];

static bool scene(struct scene *s)
{
    begin(s, 56, take_plainly);
    owners[s->number] = (struct owner *)take_plainly(sizeof(struct owner));
    owners[s->number]->name = (char *)watch(s, take_plainly(56));
    free(owners[s->number]->name);
    free(owners[s->number]);
    groom(s, "mallory", sizeof "mallory");
    const char *name = owners[s->number]->name;
    return name && strcmp(name, "mallory") == 0;
}
