// Alternate stacks that are heap blocks: signals arrive on them while their pages could be armed, nested ones too.
#include "check.h"

enum { THREADS = 3, SIZE = 64 << 10, ROUNDS = 150 };
static __thread int depth, handled;

static void on_signal(int signal)
{
    char *volatile block = branded((char *)malloc(40), 40);
    depth++;
    if (signal == SIGUSR1) raise(SIGUSR2);
    depth--;
    CHECK(is_whole(hide(block), 40));
    free(block);
    handled++;
}

static void *body(void *unused)
{
    stack_t stack = {.ss_sp = malloc(SIZE), .ss_size = SIZE};
    CHECK(sigaltstack(&stack, NULL) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 5 == 0) wait_for_cycles(1);
        raise(SIGUSR1);
    }
    CHECK(handled == 2 * ROUNDS && depth == 0, "%d handled", handled);
    stack.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&stack, NULL) == 0);
    return unused;
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
    collector_start();
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) threads[i] = start(body, NULL);
    for (size_t i = 0; i < THREADS; i++) join(threads[i]);
    collector_stop();
}
