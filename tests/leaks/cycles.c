// Cycles: nothing outside points to them, so that the block allocated first stands for them all.

#include "leaks.h"

struct object {
    struct object *first, *second;
    long references;
};

struct wide {
    struct object *object;
    char data[120];
};

static struct object *kept;

static OPAQUE struct object *make(struct object *first, struct object *second)
{
    struct object *object = malloc(sizeof *object); // alloc: make
    *object = (struct object){first, second, 1};
    return object;
}

static OPAQUE struct object *make_early(void)
{
    struct object *object = calloc(1, sizeof *object); // alloc: make_early
    object->references = 1;
    return object;
}

static OPAQUE struct wide *make_wide(struct object *object)
{
    struct wide *wide = malloc(sizeof *wide); // alloc: make_wide
    wide->object = object;
    strcpy(wide->data, "wide");
    return wide;
}

// Two blocks of different sizes and places; the smaller is the elder.
// case: two_of_a_kind  direct 1 24 make_early  indirect 1 128 make_wide
static OPAQUE void two_of_a_kind(bool leak)
{
    struct object *object = make_early();
    object->first = (struct object *)make_wide(object);
    kept = leak ? NULL : object;
    used(&kept);
}

// The larger is the elder.
// case: two_reversed  direct 1 128 make_wide  indirect 1 24 make
static OPAQUE void two_reversed(bool leak)
{
    struct wide *wide = make_wide(NULL);
    wide->object = make((struct object *)wide, NULL);
    kept = leak ? NULL : wide->object;
    used(&kept);
}

// case: points_to_itself  direct 1 24 make
static OPAQUE void points_to_itself(bool leak)
{
    struct object *object = make(NULL, NULL);
    object->first = object->second = object;
    kept = object;
    used(&kept);
    if (leak)
        kept = NULL;
}

// The one that was allocated first is reached last from it.
// case: three_backwards  direct 1 24 make_early  indirect 2 48 make
static OPAQUE void three_backwards(bool leak)
{
    struct object *last = make_early();
    struct object *first = make(make(last, NULL), NULL);
    last->first = first;
    kept = leak ? NULL : first;
    used(&kept);
}

// A block outside leads to the cycle: that one is direct, all of the cycle is not.
// case: with_a_handle  direct 1 24 make  indirect 1 24 make_early  indirect 1 128 make_wide
static OPAQUE void with_a_handle(bool leak)
{
    struct object *object = make_early();
    object->first = (struct object *)make_wide(object);
    kept = make(object, object);
    used(&kept);
    if (leak)
        kept = NULL;
}

// One cycle leads to another: only the first has a direct block.
// case: one_leads_to_another  direct 1 24 make_early  indirect 3 72 make
static OPAQUE void one_leads_to_another(bool leak)
{
    struct object *from = make_early();
    from->first = make(from, NULL);
    struct object *to = make(NULL, NULL);
    to->first = make(to, NULL);
    from->second = to;
    kept = leak ? NULL : from->first;
    used(&kept);
}

// Two cycles with one block in common are one.
// case: figure_eight  direct 1 24 make_early  indirect 2 48 make
static OPAQUE void figure_eight(bool leak)
{
    struct object *middle = make_early();
    middle->first = make(middle, NULL);
    middle->second = make(NULL, middle);
    kept = leak ? NULL : middle->second;
    used(&kept);
}

static OPAQUE struct object *acquire(struct object *object)
{
    object->references++;
    return object;
}

static OPAQUE void release(struct object *object)
{
    if (object && --object->references == 0) {
        release(object->first);
        free(object);
    }
}

// Parent and child hold a counted reference each: the counts never come down to zero.
// case: counted_references  direct 1 24 make_early  indirect 1 24 make
static OPAQUE void counted_references(bool leak)
{
    struct object *parent = make_early();
    struct object *child = make(NULL, NULL);
    parent->first = child;
    child->first = acquire(parent);
    printf("references %ld\n", parent->references);
    if (!leak) { // the child's is given back by hand
        child->first = NULL;
        release(parent);
    }
    release(parent);
}

static const struct leak_case cases[] = {
    {"two_of_a_kind", two_of_a_kind},
    {"two_reversed", two_reversed},
    {"points_to_itself", points_to_itself},
    {"three_backwards", three_backwards},
    {"with_a_handle", with_a_handle},
    {"one_leads_to_another", one_leads_to_another},
    {"figure_eight", figure_eight},
    {"counted_references", counted_references},
    {NULL, NULL},
};

int main(int argc, char **argv) { return run_case(cases, argc, argv); }
