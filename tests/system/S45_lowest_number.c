// Descriptors are given out lowest first while cycles run, and at the start only 0, 1 and 2 are taken below 100.
#include "check.h"

int main(void)
{
    for (int fd = 3; fd < 100; fd++) CHECK(fcntl(fd, F_GETFD) == -1, "descriptor %d is open at start", fd);
    collector_start();
    for (int round = 0; round < 3000; round++) {
        int a = open("/dev/null", O_RDONLY), b = open("/dev/null", O_RDONLY);
        CHECK(a == 3 && b == 4, "got %d and %d in round %d", a, b, round);
        close(a);
        CHECK(dup(b) == 3);
        close(3), close(4);
        if (round % 100 == 0) wait_for_cycles(1);
    }
    collector_stop();
    pid_t child = fork();
    if (child == 0) {
        CHECK(open("/dev/null", O_RDONLY) == 3);
        drop_and_collect();
        CHECK(open("/dev/null", O_RDONLY) == 4);
        execl("/bin/sh", "sh", "-c", "for fd in /proc/self/fd/*; do test ${fd##*/} -lt 3 && continue; readlink $fd; done | grep -c -e userfault -e pagemap -e /mem | grep -qx 0", NULL);
    }
    expect_child(child, 0);
}
