/* uaf.h: what every use after free here needs.
 *
 * A program lets a block go too early, the victim, and keeps a pointer to it; where that pointer lies is what the programs differ in. Then
 * groom() does what an attacker does: it asks for blocks of the victim's size and fills them with what the attacker wants, until one lies
 * where the victim lay. Last the program uses its pointer, and scene() tells whether the attacker got what he wanted.
 *
 * That nothing came of it proves little if no freed memory of that size was used again at all. So decoys are freed beside the victim, to
 * which no pointer is left: grooming goes on until some of their places were used again, and says how many.
 *
 * Each scene is played by one thread, or by four at once: main's argument. Decoys and victims are remembered by inverted addresses only.
 */
#ifndef UAF_H
#define UAF_H
#include "../system/check.h"

#pragma GCC diagnostic ignored "-Wuse-after-free"

enum { THREADS = 4, DECOYS = 32, SPRAY = 20000, ENOUGH = 2000, BIG = 32 << 10 };
#define SPRAY_BYTES ((size_t)64 << 20)

typedef void *take_function(size_t size);

struct scene {
    unsigned number; /* of the thread: its place in every table of a program */
    size_t size;
    take_function *take;
    hidden victim;
    unsigned hits; /* how often its place was handed out to the attacker */
    size_t decoy_count, sprayed;
    char *spray[SPRAY];
};

static struct scene scenes[THREADS];
static char *volatile decoy[THREADS][DECOYS]; /* until they are freed */
static hidden decoys[THREADS][DECOYS];
static bool decoy_used[THREADS][DECOYS];

/* What a program is: whether the attacker got what he wanted. */
static bool scene(struct scene *s);

HELPER void *take_plainly(size_t size) { return memset(malloc(size), 0, size > BIG ? 64 : size); }

/* The scene is about blocks of this size, which take() gives. */
NOINLINE HELPER void begin(struct scene *s, size_t size, take_function *take)
{
    s->size = size;
    s->take = take;
    s->decoy_count = size > BIG ? 4 : DECOYS;
    collect(); /* the write barrier is chosen by then: it decides where some blocks of the C library's go */
    free(take(size)); /* glibc maps the first of the large ones */
    for (size_t i = 0; i < s->decoy_count; i++) decoy[s->number][i] = (char *)take(size);
}

/* This block is the victim; returns it. */
NOINLINE HELPER void *watch(struct scene *s, void *block)
{
    s->victim = hide(block);
    return block;
}

NOINLINE HELPER void free_decoys(struct scene *s)
{
    for (size_t i = 0; i < s->decoy_count; i++) {
        decoys[s->number][i] = hide(decoy[s->number][i]);
        free(decoy[s->number][i]);
        decoy[s->number][i] = NULL;
    }
    s->decoy_count = 0;
}

NOINLINE HELPER void see_decoy(hidden place)
{
    for (size_t t = 0; t < THREADS; t++)
        for (size_t i = 0; i < DECOYS; i++)
            if (decoys[t][i] == place) SET(decoy_used[t][i], true);
}

HELPER size_t decoys_used(void)
{
    size_t count = 0;
    for (size_t t = 0; t < THREADS; t++)
        for (size_t i = 0; i < DECOYS; i++) count += GET(decoy_used[t][i]);
    return count;
}

/* Takes blocks, with the payload at their beginning, until one is where the victim was. They stay the attacker's. */
NOINLINE HELPER void spray(struct scene *s, const void *payload, size_t bytes)
{
    size_t most = SPRAY, enough = ENOUGH;
    if (s->size > BIG) {
        most = SPRAY_BYTES / s->size;
        enough = most / 2;
    }
    for (size_t n = 0; s->sprayed < most && (n < enough || !decoys_used()); n++) {
        char *p = (char *)s->take(s->size);
        memcpy(p, payload, bytes);
        s->spray[s->sprayed++] = p;
        see_decoy(hide(p));
        if (hide(p) == s->victim) {
            s->hits++;
            return;
        }
    }
}

HELPER void groom(struct scene *s, const void *payload, size_t bytes)
{
    free_decoys(s);
    drop_and_collect();
    spray(s, payload, bytes);
    dprintf(1, "%zu decoys were used again\n", decoys_used());
}

static void *play(void *arg) { return scene((struct scene *)arg) ? arg : NULL; }

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 1, exploited = 0;
    pthread_t thread[THREADS];
    CHECK(threads == 1 || threads == THREADS);
    for (int t = 0; t < THREADS; t++) scenes[t].number = (unsigned)t;
    if (threads == 1) exploited = play(&scenes[0]) != NULL;
    for (int t = 0; threads > 1 && t < threads; t++) thread[t] = start(play, &scenes[t]);
    for (int t = 0; threads > 1 && t < threads; t++) exploited += join(thread[t]) != NULL;
    dprintf(1, "exploited %d of %d\n", exploited, threads);
}
#endif
