// Words that the kernel writes without telling when it could not: a thread's id at birth (CLONE_PARENT_SETTID, into cold
// heap) and its clearing at the end (a thread whose stack, and so its control block, is a heap block).
#include "cold.h"

enum { STACK = 96 << 10 };
static void *body(void *arg) { return arg; }

static void c_parent_set_tid(void)
{
    pid_t *word = cold();
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD | CLONE_PARENT_SETTID, 0, word, 0, 0);
    if (child == 0) syscall(SYS_exit_group, 0);
    expect_child(child, 0);
    CHECK(*word == child, "the word is %d, the child %d", *word, child);
}

static void c_pidfd(void)
{
    int *word = cold();
    *word = -1;
    wait_for_cycles(1);
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD | CLONE_PIDFD, 0, word, 0, 0);
    if (child == 0) syscall(SYS_exit_group, 0);
    expect_child(child, 0);
    CHECK(*word > 2 && close(*word) == 0, "the descriptor is %d", *word);
}

static void c_heap_stack(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    char *stack = (char *)aligned_alloc(4096, STACK);
    pthread_attr_init(&attributes);
    CHECK(pthread_attr_setstack(&attributes, stack, STACK) == 0);
    CHECK(pthread_create(&thread, &attributes, body, stack) == 0);
    CHECK(join(thread) == stack);  // hangs if the kernel could not clear the thread's id
    free(stack);
}

static const struct cold_call calls[] = {COLD(parent_set_tid), COLD(pidfd), COLD(heap_stack)};

int main(void)
{
    cold_run(calls, COUNT(calls));
}
