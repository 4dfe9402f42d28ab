// One thread frees what another goes on using.
#include "uaf.h"

static struct order {
    long price;
    char goods[40];
} *orders[THREADS];

static void *cancel(void *arg)
{
    free(orders[(size_t)arg]);
    return NULL;
}

static bool scene(struct scene *s)
{
    const long price = -1;
    begin(s, sizeof(struct order), take_plainly);
    orders[s->number] = (struct order *)watch(s, take_plainly(sizeof(struct order)));
    orders[s->number]->price = 100;
    join(start(cancel, (void *)(uintptr_t)s->number));
    groom(s, &price, sizeof price);
    return orders[s->number]->price == -1;
}
