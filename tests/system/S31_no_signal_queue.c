// RLIMIT_SIGPENDING 0: nothing can be queued, threads are stopped all the same.
#include "check.h"
#include <sys/resource.h>

enum { THREADS = 8 };
static int ready, go;

static void *body(void *unused)
{
    char *volatile block = herd_add(&held, (char *)malloc(90), 90);
    ADD(ready, 1);
    while (!GET(go)) __asm__ volatile("pause");
    block = NULL;
    (void)block;
    clear_stack();  // the C library keeps the stacks of ended threads
    return unused;
}

int main(void)
{
    struct rlimit none = {0, 0};
    CHECK(setrlimit(RLIMIT_SIGPENDING, &none) == 0);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        threads[i] = start(body, NULL);
        WAIT_UNTIL(GET(ready) == i + 1);
    }
    herd_lose(&lost, 1000, 90);
    drop_and_collect();
    herd_check_whole(&held);
    herd_check_gone(&lost);
    SET(go, 1);
    for (int i = 0; i < THREADS; i++) join(threads[i]);
    drop_and_collect();
    herd_check_gone(&held);
}
