// Threads on stacks that the program provides: from malloc with no other pointer to them, from mmap, and in a global.
// args: malloc
// args: mmap
// args: global
#include "check.h"

enum { THREADS = 16, SIZE = 128 << 10 };
static char globals[THREADS][SIZE] __attribute__((aligned(4096)));
static int ready, go;

static void *body(void *unused)
{
    char *volatile block = herd_add(&held, (char *)malloc(90), 90);
    ADD(ready, 1);
    while (!GET(go)) usleep(1000);
    CHECK(is_whole(hide(block), 90));
    block = NULL;
    return unused;
}

NOINLINE static hidden start_on(const char *kind, size_t i, pthread_t *thread)
{
    char *stack = strcmp(kind, "malloc") == 0 ? (char *)malloc(SIZE)
                : strcmp(kind, "mmap") == 0 ? (char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                            : globals[i];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    CHECK(pthread_attr_setstack(&attributes, stack, SIZE) == 0);
    CHECK(pthread_create(thread, &attributes, body, NULL) == 0);
    memset(&attributes, 0, sizeof attributes);
    __asm__ volatile("" ::"m"(attributes));
    return hide(stack);
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    hidden stacks[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        stacks[i] = start_on(argv[argc - 1], i, &threads[i]);
        WAIT_UNTIL(GET(ready) == (int)i + 1);
    }
    herd_lose(&lost, 1000, 90);
    drop_and_collect();
    herd_check_whole(&held);
    herd_check_gone(&lost);
    if (strcmp(argv[argc - 1], "malloc") == 0)
        for (size_t i = 0; i < THREADS; i++) CHECK(is_allocated(stacks[i]), "the stack of thread %zu was reclaimed", i);
    SET(go, 1);
    for (size_t i = 0; i < THREADS; i++) join(threads[i]);
    if (strcmp(argv[argc - 1], "malloc") == 0)
        for (size_t i = 0; i < THREADS; i++) free(unhide(stacks[i]));
    if (strcmp(argv[argc - 1], "mmap") == 0)
        for (size_t i = 0; i < THREADS; i++) munmap(unhide(stacks[i]), SIZE);
    memset(globals, 0, sizeof globals);
    drop_and_collect();
    herd_check_gone(&held);
}
