// The program replaces our handler behind our back by a raw rt_sigaction: it is noticed, nothing is lost, nothing hangs.
// args: ignore
// args: default
// args: handler
// allow-stderr: ^gcpre
#include "check.h"

struct kernel_sigaction { void (*handler)(int); unsigned long flags; void (*restorer)(void); unsigned long mask; };

static int go, caught;
static void on_urgent(int signal) { ADD(caught, signal != 0); }
static void *spin(void *unused)
{
    while (!GET(go)) __asm__ volatile("pause");
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t thread = start(spin, NULL);
    struct kernel_sigaction stolen = {.handler = SIG_DFL}, before;
    if (strcmp(argv[argc - 1], "ignore") == 0) stolen.handler = SIG_IGN;
    if (strcmp(argv[argc - 1], "handler") == 0) {  // with the restorer of the C library
        signal(SIGUSR1, on_urgent);
        CHECK(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &stolen, 8) == 0);
    }
    hazard_fill(300, 60, put_slot);
    drop_and_collect();
    herd_check_whole(&held);
    herd_check_gone(&lost);
    CHECK(syscall(SYS_rt_sigaction, SIGURG, &stolen, &before, 8) == 0);
    for (int i = 0; i < 3; i++) drop_and_collect();
    herd_check_whole(&held);
    SET(go, 1);
    join(thread);
    CHECK(kill(getpid(), SIGURG) == 0);
    for (size_t i = 0; i < 300; i++) free(slots[i]);
}
