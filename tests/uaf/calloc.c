// Who asks for zeroed memory trusts in it; a dangling write makes it something else.
#include "uaf.h"

struct account {
    long id, role; // 0: none
};

static struct account *last[THREADS];

static void *take_zeroed(size_t size) { return calloc(1, size); }

NOINLINE static bool somebody_has_a_role(const struct scene *s)
{
    for (size_t i = 0; i < s->sprayed; i++)
        if (((const struct account *)s->spray[i])->role) return true;
    return false;
}

static bool scene(struct scene *s)
{
    const long id = 7;
    begin(s, sizeof(struct account), take_zeroed);
    last[s->number] = (struct account *)watch(s, take_zeroed(sizeof(struct account)));
    free_decoys(s); // first: glibc's calloc takes nothing out of its thread caches, which are full then
    free(last[s->number]);
    groom(s, &id, sizeof id);
    last[s->number]->role = 1;
    return somebody_has_a_role(s);
}
