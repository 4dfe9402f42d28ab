// An object is deleted and then asked: its table of virtual functions is one of the attacker's.
// outcome: stops (the table's address is NULL in memory that was emptied)
#include "uaf.h"

static bool won[THREADS];

struct Shape {
    long pad[6];
    virtual ~Shape() {}
    virtual void draw(unsigned) {}
};

static Shape *shapes[THREADS];

static void win(void *, unsigned number) { won[number] = true; }

static void *take_new(size_t size) { return memset(new char[size], 0, size); }

static bool scene(struct scene *s)
{
    static void *const table[] = {(void *)win, (void *)win, (void *)win, (void *)win};
    void *const *payload = table;
    begin(s, sizeof(Shape), take_new);
    shapes[s->number] = new Shape;
    watch(s, shapes[s->number]);
    delete shapes[s->number];
    groom(s, &payload, sizeof payload);
    shapes[s->number]->draw(s->number);
    return won[s->number];
}
