// GCPRE_EXITCODE with buffered output, while another thread holds standard input's lock for ever.
// needs-library: yes
// cflags: -O0
// env: GCPRE_LEAKS=exit GCPRE_EXITCODE=23 GCPRE_REPORT=/dev/null
// args: return
// args: exit
// args: thread
// args: last_thread
// expect-exit: 23
// expect-stdout: ^written$
#include "check.h"

static void *read_for_ever(void *unused)
{
    getc(stdin);
    return unused;
}
static __attribute__((noinline)) void lose(void) { memset(malloc(100), 1, 100); }
static __attribute__((noinline)) void cover(void) // what lose left on the stack
{
    volatile char dead[2000] = {0};
    (void)dead[0];
}
static void *exit_here(void *unused)
{
    exit(0);
    return unused;
}

int main(int argc, char **argv)
{
    int ends[2];
    const char *way = argv[argc - 1];
    lose();
    cover();
    printf("written\n");
    if (strcmp(way, "last_thread") == 0) pthread_exit(NULL);
    CHECK(pipe(ends) == 0 && dup2(ends[0], 0) == 0);
    start(read_for_ever, NULL);
    usleep(50000);
    if (strcmp(way, "exit") == 0) exit(0);
    if (strcmp(way, "thread") == 0) join(start(exit_here, NULL));
    return 0;
}
