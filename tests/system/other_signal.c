// GCPRE_SIGNAL=USR2: threads are stopped by that signal; the program's SIGURG is its own entirely.
// env: GCPRE_SIGNAL=USR2
#include "check.h"

static int ready, go, urgent;
static void on_urgent(int signal) { ADD(urgent, signal == SIGURG); }

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
    pthread_t threads[8];
    signal(SIGURG, on_urgent);
    for (int i = 0; i < 8; i++) {
        threads[i] = start(body, NULL);
        WAIT_UNTIL(GET(ready) == i + 1);
    }
    herd_lose(&lost, 1000, 90);
    drop_and_collect();
    herd_check_whole(&held);
    herd_check_gone(&lost);
    CHECK(GET(urgent) == 0);
    raise(SIGURG);
    CHECK(GET(urgent) == 1);
    SET(go, 1);
    for (int i = 0; i < 8; i++) join(threads[i]);
    drop_and_collect();
    herd_check_gone(&held);
}
