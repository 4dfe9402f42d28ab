// Many threads ask for a cycle at the same time, others allocate; each one's request is served, blocks stay whole.
#include "check.h"

enum { THREADS = 4, ROUNDS = 40 };
static struct herd gone[THREADS];

static void *body(void *index)
{
    char *mine[50];
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < COUNT(mine); i++) mine[i] = branded((char *)malloc(40 + i), 40 + i);
        herd_lose(&gone[(size_t)index], 25, 100);
        collect();
        for (size_t i = 0; i < COUNT(mine); i++) CHECK(is_allocated(hide(mine[i])) && is_whole(hide(mine[i]), 40 + i), "round %d, block %zu", round, i);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) threads[i] = start(body, (void *)i);
    for (size_t i = 0; i < THREADS; i++) join(threads[i]);
    drop_and_collect();
    for (size_t i = 0; i < THREADS; i++) herd_check_gone(&gone[i]);
}
