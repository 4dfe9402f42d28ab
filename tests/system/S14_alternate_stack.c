// A thread is stopped in a handler on its alternate stack: both that stack and the interrupted one hold the only pointers.
#include "check.h"

static int ready, go;
static char handler_stack[64 << 10];

static void on_signal(int signal)
{
    (void)signal;
    char *volatile inner = herd_add(&held, (char *)malloc(90), 90);
    SET(ready, 1);
    while (!GET(go)) __asm__ volatile("pause");
    CHECK(is_whole(hide(inner), 90));
    inner = NULL;
}

static void *body(void *unused)
{
    char *volatile blocks[50];
    stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof handler_stack};
    CHECK(sigaltstack(&stack, NULL) == 0);
    for (size_t i = 0; i < COUNT(blocks); i++) blocks[i] = herd_add(&held, (char *)malloc(90), 90);
    raise(SIGUSR1);
    for (size_t i = 0; i < COUNT(blocks); i++) CHECK(is_whole(hide(blocks[i]), 90));
    for (size_t i = 0; i < COUNT(blocks); i++) blocks[i] = NULL;
    memset(handler_stack, 0, sizeof handler_stack);
    clear_stack();
    return unused;
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    sigaction(SIGUSR1, &action, NULL);
    pthread_t thread = start(body, NULL);
    WAIT_UNTIL(GET(ready));
    herd_lose(&lost, 1000, 90);
    drop_and_collect();
    herd_check_whole(&held);
    herd_check_gone(&lost);
    SET(go, 1);
    join(thread);
    drop_and_collect();
    herd_check_gone(&held);
}
