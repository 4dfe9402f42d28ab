// Suspended coroutines hold the only pointers on their own stacks; one that runs collects, while main's stack holds others.
// args: malloc
// args: mmap
#include "check.h"
#include <ucontext.h>

enum { COROUTINES = 100, SIZE = 64 << 10 };
static ucontext_t back, contexts[COROUTINES];
static char *stacks[COROUTINES];
static struct herd on_main;

static void coroutine(int i)
{
    char *volatile block = herd_add(&held, (char *)malloc(150), 150);
    swapcontext(&contexts[i], &back);
    if (i == 0) drop_and_collect();  // on this stack
    CHECK(is_allocated(hide(block)) && is_whole(hide(block), 150), "coroutine %d", i);
    block = NULL;
    clear_stack();
}

static void prepare(int i, bool mapped)
{
    stacks[i] = mapped ? (char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : (char *)malloc(SIZE);
    getcontext(&contexts[i]);
    contexts[i].uc_stack.ss_sp = stacks[i];
    contexts[i].uc_stack.ss_size = SIZE;
    contexts[i].uc_link = &back;
    makecontext(&contexts[i], (void (*)(void))coroutine, 1, i);
    swapcontext(&back, &contexts[i]);
}

NOINLINE static void with_blocks_on_this_stack(void)
{
    char *volatile blocks[50];
    for (size_t i = 0; i < COUNT(blocks); i++) blocks[i] = herd_add(&on_main, (char *)malloc(150), 150);
    for (int i = 0; i < COROUTINES; i++) swapcontext(&back, &contexts[i]);
    herd_check_whole(&on_main);
    for (size_t i = 0; i < COUNT(blocks); i++) blocks[i] = NULL;
}

int main(int argc, char **argv)
{
    bool mapped = strcmp(argv[argc - 1], "mmap") == 0;
    for (int i = 0; i < COROUTINES; i++) prepare(i, mapped);
    herd_lose(&lost, 1000, 150);
    drop_and_collect();
    herd_check_whole(&held);
    herd_check_gone(&lost);
    with_blocks_on_this_stack();
    memset(contexts, 0, sizeof contexts);
    memset(&back, 0, sizeof back);
    for (int i = 0; i < COROUTINES; i++) mapped ? (void)munmap(stacks[i], SIZE) : free(stacks[i]);
    drop_and_collect();
    herd_check_gone(&on_main);
    herd_check_gone(&held);
}
