// A list is freed while it is walked: the next pointer is read from the entry that is gone, and leads to an entry of the attacker's.
#include "uaf.h"

struct entry {
    struct entry *next;
    void (*done)(struct scene *s);
    char text[60];
};

static bool won[THREADS];

static void done(struct scene *s) { (void)s; }
static void win(struct scene *s) { won[s->number] = true; }

static bool scene(struct scene *s)
{
    static struct entry forged[THREADS];
    struct entry *list = NULL, attack = {.next = &forged[s->number], .done = win};
    begin(s, sizeof(struct entry), take_plainly);
    forged[s->number] = (struct entry){.done = win};
    for (int i = 0; i < 3; i++) {
        struct entry *e = (struct entry *)take_plainly(sizeof(struct entry));
        e->next = list;
        e->done = done;
        list = e;
    }
    watch(s, list);
    for (struct entry *e = list; e; e = e->next) {
        e->done(s);
        if (e == &forged[s->number]) break;
        free(e);
        if (e == list) groom(s, &attack, sizeof attack);
    }
    return won[s->number];
}
