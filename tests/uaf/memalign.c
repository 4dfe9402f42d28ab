// A block that is aligned to 64 bytes; who asks for one that is not gets its place.
#include "uaf.h"

enum { SIZE = 1000 };
static float *vector[THREADS];

static void *take_aligned(size_t size) { return memset(aligned_alloc(64, size), 0, size); }

// What glibc's aligned_alloc cuts out may be somewhat larger than what it was asked for.
static void *take_near(size_t size)
{
    static unsigned turn;
    return take_plainly(size + ADD(turn, 1) % 4 * 16);
}

static bool scene(struct scene *s)
{
    const float wanted = 42;
    begin(s, SIZE, take_aligned);
    vector[s->number] = (float *)watch(s, take_aligned(SIZE));
    free(vector[s->number]);
    s->take = take_near;
    groom(s, &wanted, sizeof wanted);
    return *vector[s->number] == wanted;
}
