// A program closes every descriptor, as daemons do, and reuses all the numbers; it goes on collecting and its files stay its own.
// args: closefrom
// args: close_range
// args: loop
// allow-stderr: ^gcpre
#include "check.h"
#include <sys/resource.h>
#include <sys/stat.h>

static void close_all(const char *how, int limit)
{
    if (strcmp(how, "closefrom") == 0) closefrom(3);
    if (strcmp(how, "close_range") == 0) CHECK(close_range(3, ~0U, 0) == 0);
    if (strcmp(how, "loop") == 0)
        for (int fd = 3; fd < limit; fd++) close(fd);
}

int main(int argc, char **argv)
{
    struct rlimit files = {1024, 1024};
    CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
    hazard(300, 60, put_slot, drop_slot);
    collector_start();
    for (int round = 0; round < 5; round++) {
        struct stat wanted, found;
        close_all(argv[argc - 1], 1024);
        int file = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
        CHECK(file > 2 && fstat(file, &wanted) == 0);
        for (int fd = 3; fd < 1024; fd++)
            while (dup2(file, fd) != fd) CHECK(errno == EBUSY, "number %d", fd);  // another thread is just opening it
        wait_for_cycles(3);
        for (int fd = 3; fd < 1024; fd++)
            CHECK(fstat(fd, &found) == 0 && found.st_ino == wanted.st_ino && found.st_size == 0, "descriptor %d was used by another", fd);
        for (int fd = 3; fd < 1024; fd++) close(fd);
    }
    collector_stop();
    hazard(300, 60, put_slot, drop_slot);
}
