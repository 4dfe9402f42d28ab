// Every way to end while other threads allocate and collect: the exit status and the order of the handlers stay.
// args: exit
// args: return
// args: quick_exit
// args: _exit
// args: thread
// args: last_thread
// expect-exit: 3
#include "check.h"

static char *at_exit_block;
static const char *way;

static void *churn(void *unused)
{
    for (;;) free(malloc((size_t)rand() % 5000));
    return unused;
}
static void at_end(void)
{
    CHECK(strcmp(at_exit_block, "still here") == 0);
    collect();
    free(at_exit_block);
    free(calloc(10, 1000));
}
__attribute__((destructor)) static void destroy(void) { free(malloc(100)); }
static void *exit_from_thread(void *main_thread)
{
    if (main_thread) pthread_join(*(pthread_t *)main_thread, NULL);
    exit(3);
}

int main(int argc, char **argv)
{
    way = argv[argc - 1];
    at_exit_block = strdup("still here");
    atexit(at_end);
    at_quick_exit(at_end);
    if (strcmp(way, "last_thread") == 0) {
        static pthread_t me;
        me = pthread_self();
        start(exit_from_thread, &me);
        pthread_exit(NULL);
    }
    start(churn, NULL);
    start(churn, NULL);
    collector_start();
    wait_for_cycles(5);
    if (strcmp(way, "exit") == 0) exit(3);
    if (strcmp(way, "quick_exit") == 0) quick_exit(3);
    if (strcmp(way, "_exit") == 0) _exit(3);
    if (strcmp(way, "thread") == 0) join(start(exit_from_thread, NULL));
    return 3;
}
