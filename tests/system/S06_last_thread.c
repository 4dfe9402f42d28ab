// main ends by pthread_exit, and the process with its last thread: exit's handlers run there, whatever threads the library has.
// expect-stdout: handled
#include "check.h"

static void handle(void) { puts("handled"); }

static void *last(void *unused)
{
    for (int i = 0; i < 100000; i++) free(malloc((size_t)i % 3000));
    drop_and_collect();
    return unused;
}

int main(void)
{
    atexit(handle);
    drop_and_collect();
    start(last, NULL);
    pthread_exit(NULL);
}
