// A process that cannot be dumped, or has given up root: its own /proc files may refuse it. Cycles go on, or say why not.
// args: not_dumpable
// args: other_user
// allow-stderr: gcpre
#include "check.h"
#include <sys/prctl.h>

static char *slots[300];
static void put(size_t i, char *p) { slots[i] = p; }
static void drop(size_t i) { slots[i] = NULL; }

int main(int argc, char **argv)
{
    hazard(300, 60, put, drop);
    if (strcmp(argv[argc - 1], "not_dumpable") == 0) CHECK(prctl(PR_SET_DUMPABLE, 0) == 0);
    else if (setgid(65534) != 0 || setuid(65534) != 0) skip("not root");
    hazard_may_pause(300, 60, put, drop);
    collector_start();
    wait_for_cycles(20);
    collector_stop();
    hazard_may_pause(300, 60, put, drop);
}
