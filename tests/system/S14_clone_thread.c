// Threads made by clone(), on malloc'ed stacks that nobody else points to, hold the only pointers there.
#include "check.h"

enum { THREADS = 8, SIZE = 32 << 10, FLAGS = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM };
static int ready, go, gone[THREADS];

/* Runs on the parent's thread-local storage: no libc here. The argument lies on the new stack. */
static int body(void *arg)
{
    int index = *(int *)((char *)arg + 8);
    ADD(ready, 1);
    while (!GET(go)) __asm__ volatile("pause");
    *(char *volatile *)arg = NULL;
    SET(gone[index], 1);
    syscall(SYS_exit, 0);
    __builtin_unreachable();
}

NOINLINE static hidden clone_one(int index)
{
    char *stack = (char *)malloc(SIZE), *top = stack + SIZE - 64;
    *(char **)top = herd_add(&held, (char *)malloc(90), 90);
    *(int *)(top + 8) = index;
    CHECK(clone(body, top, FLAGS, top) > 0);
    return hide(stack);
}

int main(void)
{
    hidden stacks[THREADS];
    for (int i = 0; i < THREADS; i++) stacks[i] = clone_one(i);
    WAIT_UNTIL(GET(ready) == THREADS);
    herd_lose(&lost, 1000, 90);
    drop_and_collect();
    for (int i = 0; i < THREADS; i++) CHECK(is_allocated(stacks[i]), "the stack of thread %d was reclaimed", i);
    herd_check_whole(&held);
    SET(go, 1);
    for (int i = 0; i < THREADS; i++) WAIT_UNTIL(GET(gone[i]));
    WAIT_UNTIL(threads_of_ours() == 1);
    for (int i = 0; i < THREADS; i++) free(unhide(stacks[i]));
    drop_and_collect();
    herd_check_gone(&lost);
    herd_check_gone(&held);
}
