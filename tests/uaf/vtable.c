// Type confusion: where an object with a pointer to a function was, there is a string of the attacker's.
// outcome: stops (the function's address is NULL in memory that was emptied)
#include "uaf.h"

struct shape {
    void (*draw)(struct scene *s);
    int x, y;
};

static struct shape *shapes[THREADS];
static bool won[THREADS];

static void draw(struct scene *s) { (void)s; }
static void win(struct scene *s) { won[s->number] = true; }

static bool scene(struct scene *s)
{
    void (*address)(struct scene *) = win;
    begin(s, sizeof(struct shape), take_plainly);
    shapes[s->number] = (struct shape *)watch(s, take_plainly(sizeof(struct shape)));
    shapes[s->number]->draw = draw;
    free(shapes[s->number]);
    groom(s, &address, sizeof address);
    shapes[s->number]->draw(s);
    return won[s->number];
}
