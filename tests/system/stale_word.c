// Old blocks still have the addresses of blocks that were freed. Where malloc gives such an address again nothing need be stored
// (`if (x->last != p) x->last = p`), and the block is held by a word that a marker may have passed by, beside the program, when it led nowhere.
// env: GCPRE_STRESS=0 GCPRE_GOGC=50 GCPRE_MINOR=never
// alone: yes
// timeout: 200
// needs-library: yes
#include "check.h"

enum { OLD = 4000, BALLAST = 150000, STEPS = 40, CHILD = 400 };

static struct old {
    char *last;
    char pad[120];
} *old[OLD];

static struct stale {
    hidden child;
    int holder;
} stale[OLD];

static struct ballast {
    struct ballast *next;
    char pad[120];
} *ballast;

static int ended;

static void *waste(void *none)
{
    while (!GET(ended)) {
        char *volatile lost = (char *)malloc(1000);
        CHECK(lost);
    }
    return none;
}

static int compare(const void *a, const void *b)
{
    hidden x = ((const struct stale *)a)->child, y = ((const struct stale *)b)->child;
    return (x > y) - (x < y);
}

NOINLINE static void free_all(void)
{
    for (int i = 0; i < OLD; i++) {
        stale[i] = (struct stale){hide(old[i]->last), i};
        free(old[i]->last);
    }
    qsort(stale, OLD, sizeof stale[0], compare);
}

// Gives each old block a new child, stored only where it is another one.
NOINLINE static int allocate_all(void)
{
    static bool met[OLD];
    static char *volatile others[OLD];
    int rest = 0;
    memset(met, 0, sizeof met);
    for (int i = 0; i < OLD; i++) {
        char *p = branded((char *)malloc(CHILD), CHILD);
        struct stale key = {hide(p), 0}, *was = (struct stale *)bsearch(&key, stale, OLD, sizeof stale[0], compare);
        if (was) met[was->holder] = true;
        else others[rest++] = p;
    }
    for (int i = 0, at = 0; i < OLD; i++)
        if (!met[i]) old[i]->last = others[at], others[at++] = NULL;
    return OLD - rest;
}

static void check_all(int step)
{
    for (int i = 0; i < OLD; i++)
        CHECK(is_allocated(hide(old[i]->last)) && is_whole(hide(old[i]->last), CHILD), "child %d in step %d", i, step);
}

int main(void)
{
    pthread_t thread;
    long met = 0;
    for (int i = 0; i < BALLAST; i++) {
        struct ballast *b = (struct ballast *)calloc(1, sizeof *b);
        b->next = ballast;
        ballast = b;
    }
    for (int i = 0; i < OLD; i++) {
        old[i] = (struct old *)calloc(1, sizeof *old[i]);
        old[i]->last = branded((char *)malloc(CHILD), CHILD);
    }
    CHECK(pthread_create(&thread, NULL, waste, NULL) == 0);
    for (int step = 0; step < STEPS; step++) {
        free_all();
        usleep((useconds_t)(rand() % 5000));
        met += allocate_all();
        clear_stack();
        usleep(20000);
        check_all(step);
    }
    SET(ended, 1);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(met > OLD, "%ld met again", met);
}
