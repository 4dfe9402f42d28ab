// A real crash is still a crash: death by SIGSEGV, without a handler of the program, whatever our barrier does with the signal.
// args: null
// args: read_only
// args: handler_returns_to_default
// expect-exit: -11
#include "check.h"
#include <sys/resource.h>

static void give_up(int signum)
{
    signal(signum, SIG_DFL);
}

int main(int argc, char **argv)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    char *volatile target = NULL;
    if (strcmp(argv[argc - 1], "read_only") == 0) target = (char *)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (strcmp(argv[argc - 1], "handler_returns_to_default") == 0) signal(SIGSEGV, give_up);
    herd_lose(&lost, 1000, RARE_SIZE);
    drop_and_collect();
    herd_check_gone(&lost);
    *target = 1;
}
