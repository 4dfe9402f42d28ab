// Calls that need a single thread: they work in a small process (it has but one), and in one that has been collecting.
// args: small
// args: large
#include "check.h"

static char *blocks[1000];

static void work(void)
{
    for (int round = 0; round < 300; round++)
        for (size_t i = 0; i < COUNT(blocks); i++) blocks[i] = branded((char *)malloc(200), 200);
}

int main(int argc, char **argv)
{
    bool large = strcmp(argv[argc - 1], "large") == 0;
    if (large) work();
    else CHECK(status_of("Threads:") == 1, "%ld threads", status_of("Threads:"));
    pid_t child = fork();  // is it allowed at all?
    if (child == 0) _exit(syscall(SYS_unshare, CLONE_NEWUSER) == 0 ? 0 : 1);
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    if (status != 0) skip("user namespaces are not allowed here");
    CHECK(unshare(CLONE_NEWUSER) == 0);
    work();  // and the collector comes back afterwards
    drop_and_collect();
    for (size_t i = 0; i < COUNT(blocks); i++) CHECK(is_allocated(hide(blocks[i])) && is_whole(hide(blocks[i]), 200));
    herd_lose(&lost, 1000, 60);
    drop_and_collect();
    herd_check_gone(&lost);
}
