// Blocks allocated by one thread and freed by another, in both directions at once; no block is handed out twice.
#include "check.h"

enum { RING = 256, BLOCKS = 40000 };
static char *ring[2][RING];

static void *produce(void *index)
{
    char **mine = ring[(size_t)index];
    for (size_t i = 0; i < BLOCKS; i++) {
        char **place = &mine[i % RING], *p = (char *)malloc(16 + i % 300);
        memset(p, (int)i, 16 + i % 300);
        while (GET(*place)) sched_yield();
        SET(*place, p);
    }
    return NULL;
}

static void *consume(void *index)
{
    char **mine = ring[(size_t)index];
    for (size_t i = 0; i < BLOCKS; i++) {
        char **place = &mine[i % RING], *p;
        while (!(p = GET(*place))) sched_yield();
        for (size_t at = 0; at < 16 + i % 300; at++) CHECK(p[at] == (char)i, "block %zu, byte %zu", i, at);
        SET(*place, NULL);
        free(p);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[] = {start(produce, (void *)0), start(consume, (void *)0), start(produce, (void *)1), start(consume, (void *)1)};
    for (size_t i = 0; i < COUNT(threads); i++) join(threads[i]);
}
