/* nbody: a computation with long-lived data. Bodies attract each other; each step builds a tree of
 * cells over them (an octree, far cells count as one mass), walks it for every body, and frees it. */
#include "bench.h"
#include <math.h>

enum { AXES = 3, CHILDREN = 8, DEPTH_MAX = 40 };
static const double FAR = 0.7, SOFTENING = 1e-3, TIME_STEP = 1e-3;

struct body { double at[AXES], velocity[AXES]; };

struct cell {
    double middle[AXES], half;      /* the cube it covers */
    double mass, moment[AXES];      /* moment / mass is the centre of mass */
    struct body *body;              /* the only one inside, or NULL */
    struct cell *child[CHILDREN];
};

static struct cell *cell_new(const double *middle, double half)
{
    struct cell *c = get(sizeof *c);
    *c = (struct cell){ .half = half };
    memcpy(c->middle, middle, sizeof c->middle);
    return c;
}

static struct cell **cell_for(struct cell *c, const struct body *b)
{
    double middle[AXES];
    int which = 0;
    for (int i = 0; i < AXES; i++) {
        bool upper = b->at[i] >= c->middle[i];
        which |= upper << i;
        middle[i] = c->middle[i] + (upper ? c->half : -c->half) / 2;
    }
    if (!c->child[which])
        c->child[which] = cell_new(middle, c->half / 2);
    return &c->child[which];
}

static void cell_insert(struct cell *c, struct body *b, int depth)
{
    bool empty = c->mass == 0;
    c->mass += 1;
    for (int i = 0; i < AXES; i++)
        c->moment[i] += b->at[i];
    if (empty) {
        c->body = b;
        return;
    }
    if (depth == DEPTH_MAX)         /* two bodies in one spot: keep their common mass */
        return;
    if (c->body) {
        cell_insert(*cell_for(c, c->body), c->body, depth + 1);
        c->body = NULL;
    }
    cell_insert(*cell_for(c, b), b, depth + 1);
}

static void cell_free(struct cell *c)
{
    for (int i = 0; i < CHILDREN; i++)
        if (c->child[i])
            cell_free(c->child[i]);
    free(c);
}

static void attract(struct body *b, const struct cell *c)
{
    double distance[AXES], square = SOFTENING;
    for (int i = 0; i < AXES; i++) {
        distance[i] = c->moment[i] / c->mass - b->at[i];
        square += distance[i] * distance[i];
    }
    if (!c->body && 4 * c->half * c->half > FAR * FAR * square) {
        for (int i = 0; i < CHILDREN; i++)
            if (c->child[i])
                attract(b, c->child[i]);
        return;
    }
    double pull = c->mass / (square * sqrt(square));
    for (int i = 0; i < AXES; i++)
        b->velocity[i] += TIME_STEP * pull * distance[i];
}

static void advance(struct body **body, long count)
{
    static const double origin[AXES];
    struct cell *root = cell_new(origin, 16);
    for (long i = 0; i < count; i++)
        cell_insert(root, body[i], 0);
    for (long i = 0; i < count; i++)
        attract(body[i], root);
    for (long i = 0; i < count; i++)
        for (int axis = 0; axis < AXES; axis++)
            body[i]->at[axis] += TIME_STEP * body[i]->velocity[axis];
    cell_free(root);
}

static struct body *body_new(struct rng *rng)
{
    struct body *b = get(sizeof *b);
    *b = (struct body){ 0 };
    for (int i = 0; i < AXES; i++)
        b->at[i] = (double)rng_below(rng, 1 << 20) / (1 << 19) - 1;
    return b;
}

/* The bits of where it ended. */
static uint64_t body_end(struct body *b)
{
    uint64_t sum = 0, bits;
    for (int i = 0; i < AXES; i++) {
        memcpy(&bits, &b->at[i], sizeof bits);
        sum = 31 * sum + bits;
    }
    free(b);
    return sum;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    long count = option("bodies", 10000, "bodies");
    long steps = scaled(option("steps", 15, "steps in time"));
    options_end();

    struct rng rng = { 10 };
    uint64_t sum = 0;
    struct body **body = get(count * sizeof *body);
    for (long i = 0; i < count; i++)
        body[i] = body_new(&rng);
    while (steps-- > 0)
        advance(body, count);
    for (long i = 0; i < count; i++)
        sum = 31 * sum + body_end(body[i]);
    free(body);
    result_checksum(sum);
}
