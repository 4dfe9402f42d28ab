// A process that cannot be dumped, or has given up root: its own /proc files may refuse it. Cycles go on, or say why not.
// args: not_dumpable
// args: other_user
// allow-stderr: ^gcpre
#include "check.h"
#include <sys/prctl.h>

int main(int argc, char **argv)
{
    hazard(300, 60, put_slot, drop_slot);
    if (strcmp(argv[argc - 1], "not_dumpable") == 0) CHECK(prctl(PR_SET_DUMPABLE, 0) == 0);
    else if (setgid(65534) != 0 || setuid(65534) != 0) skip("not root");
    hazard_may_pause(300, 60, put_slot, drop_slot);
    collector_start();
    wait_for_cycles(20);
    collector_stop();
    hazard_may_pause(300, 60, put_slot, drop_slot);
}
