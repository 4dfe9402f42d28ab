// GCPRE_CHILDREN=0: programs that this one starts run without the library, in every way of starting them; the parent keeps it.
// env: GCPRE_CHILDREN=0
// config: default
#include "check.h"
#include <spawn.h>

int main(int argc, char **argv)
{
    if (argc > 1) return gcpre_available() ? 1 : 0;
    char command[4096], *arguments[] = {argv[0], (char *)"child", NULL};
    snprintf(command, sizeof command, "%s child", argv[0]);
    CHECK(system(command) == 0, "system");
    CHECK(pclose(popen(command, "r")) == 0, "popen");
    pid_t child = fork();
    if (child == 0) execv(argv[0], arguments);
    expect_child(child, 0);
    child = vfork();
    if (child == 0) execve(argv[0], arguments, environ);
    expect_child(child, 0);
    CHECK(posix_spawn(&child, argv[0], NULL, NULL, arguments, environ) == 0);
    expect_child(child, 0);
    herd_lose(&lost, 1000, 100);
    drop_and_collect();
    herd_check_gone(&lost);
}
