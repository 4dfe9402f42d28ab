// All that is left of a freed message is a pointer into its middle.
#include "uaf.h"

struct message {
    char header[100], body[100];
};

static char *body[THREADS];

NOINLINE static void receive(struct scene *s)
{
    struct message *m = (struct message *)watch(s, take_plainly(sizeof(struct message)));
    strcpy(m->body, "pay 1 to bob");
    body[s->number] = m->body;
    free(m);
}

static bool scene(struct scene *s)
{
    struct message forged = {.body = "pay 1000 to mallory"};
    begin(s, sizeof forged, take_plainly);
    receive(s);
    groom(s, &forged, sizeof forged);
    return strcmp(body[s->number], forged.body) == 0;
}
