// The only pointer to each alternate signal stack is in the kernel: kept, usable, and released with SS_DISABLE.
#include "check.h"

enum { THREADS = 16, SIZE = 32 << 10 };
static int phase, arrived[THREADS], handled;

static void on_signal(int signal)
{
    (void)signal;
    char here;
    if (is_allocated(hide(&here)) || !gcpre_available()) ADD(handled, 1);
}

static void *body(void *index)
{
    size_t i = (size_t)index;
    stack_t stack = {.ss_sp = herd_add(&held, (char *)malloc(SIZE), SIZE), .ss_size = SIZE}, none = {.ss_flags = SS_DISABLE};
    CHECK(sigaltstack(&stack, NULL) == 0);
    memset(&stack, 0, sizeof stack);
    __asm__ volatile("" ::"m"(stack));
    clear_stack();
    SET(arrived[i], 1);
    while (GET(phase) == 0) usleep(500);
    raise(SIGUSR1);
    CHECK(sigaltstack(&none, NULL) == 0);
    clear_stack();
    SET(arrived[i], 2);
    while (GET(phase) == 1) usleep(500);
    return NULL;
}

static void wait_for_all(int state)
{
    for (size_t i = 0; i < THREADS; i++) WAIT_UNTIL(GET(arrived[i]) == state);
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    sigaction(SIGUSR1, &action, NULL);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        threads[i] = start(body, (void *)i);
        WAIT_UNTIL(GET(arrived[i]) == 1);
    }
    herd_lose(&lost, 1000, 500);
    drop_and_collect();
    for (size_t i = 0; i < held.count; i++) CHECK(is_allocated(held.at[i]), "stack %zu", i); // signals overwrite it
    herd_check_gone(&lost);
    SET(phase, 1);
    wait_for_all(2);
    CHECK(handled == THREADS, "%d handlers ran on their stack", handled);
    drop_and_collect();
    herd_check_gone(&held);
    SET(phase, 2);
    for (size_t i = 0; i < THREADS; i++) join(threads[i]);
}
