// A session is freed when its user logs out, and a table still refers to it: the next request's data are read as the session.
#include "uaf.h"

struct session {
    char user[40];
    int is_admin;
};

static struct session *table[THREADS];

static bool scene(struct scene *s)
{
    const struct session wanted = {"mallory", 1};
    begin(s, sizeof(struct session), take_plainly);
    table[s->number] = (struct session *)watch(s, take_plainly(sizeof(struct session)));
    strcpy(table[s->number]->user, "guest");
    free(table[s->number]);
    groom(s, &wanted, sizeof wanted);
    return table[s->number]->is_admin == 1;
}
