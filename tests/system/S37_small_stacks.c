// The smallest thread stacks, and a handler on an 8 KB alternate stack, are stopped without overflowing.
#include "check.h"
#include <limits.h>

enum { THREADS = 12, ALTERNATE = 8192, GUARD = 0x5a };
static int ready, handling, go;
static char alternate[4096 + ALTERNATE] __attribute__((aligned(4096)));

/* As clear_stack, for a stack that has no room for it. */
NOINLINE static void clear_a_little(void)
{
    volatile char dead[3000];
    for (size_t i = 0; i < sizeof dead; i++) dead[i] = 0;
}

static void *small(void *unused)
{
    char *volatile block = herd_add(&held, (char *)malloc(60), 60);
    ADD(ready, 1);
    while (!GET(go)) {
        free(malloc(100));
        __asm__ volatile("pause");
    }
    block = NULL;
    (void)block;
    clear_a_little();
    return unused;
}

static void on_user(int signal)
{
    (void)signal;
    SET(handling, 1);
    while (!GET(go)) __asm__ volatile("pause");
}

static void *in_handler(void *unused)
{
    stack_t stack = {.ss_sp = alternate + 4096, .ss_size = ALTERNATE};
    CHECK(sigaltstack(&stack, NULL) == 0);
    raise(SIGUSR1);
    return unused;
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_user, .sa_flags = SA_ONSTACK};
    pthread_attr_t attributes;
    pthread_t threads[THREADS];
    sigaction(SIGUSR1, &action, NULL);
    memset(alternate, GUARD, sizeof alternate);
    pthread_attr_init(&attributes);
    CHECK(pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN) == 0);
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], &attributes, small, NULL) == 0);
        WAIT_UNTIL(GET(ready) == (int)i + 1);
    }
    pthread_t handler = start(in_handler, NULL);
    WAIT_UNTIL(GET(handling));
    herd_lose(&lost, 1000, 60);
    for (int i = 0; i < 5; i++) drop_and_collect();
    herd_check_whole(&held);
    herd_check_gone(&lost);
    SET(go, 1);
    for (size_t i = 0; i < THREADS; i++) join(threads[i]);
    join(handler);
    drop_and_collect();
    herd_check_gone(&held);
    for (size_t i = 0; i < 4096; i++) CHECK(alternate[i] == GUARD, "the alternate stack overflowed");
}
