// A mapped file is truncated: reading it means SIGBUS for a careless scanner. The program's own SIGBUS still arrives.
#include "check.h"
#include <setjmp.h>

enum { SIZE = 256 << 10 };
static sigjmp_buf back;
static void on_bus(int signal) { siglongjmp(back, signal); }

int main(void)
{
    int fd = open("file", O_RDWR | O_CREAT, 0600);
    CHECK(ftruncate(fd, SIZE) == 0);
    char *shared = (char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *private = (char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    memset(shared, 1, SIZE);
    memset(private, 1, SIZE);
    herd_lose(&lost, 1000, RARE_SIZE);
    collector_start();
    for (int round = 0; round < 50; round++) {
        CHECK(ftruncate(fd, 0) == 0);
        if (round % 5 == 0) wait_for_cycles(1);
        CHECK(ftruncate(fd, SIZE) == 0);
    }
    collector_stop();
    CHECK(ftruncate(fd, 0) == 0);
    signal(SIGBUS, on_bus);
    if (sigsetjmp(back, 1) == 0) {
        drop_and_collect();
        CHECK(((volatile char *)shared)[100] == 1, "must not be reached");
        check_failed(__FILE__, __LINE__, "SIGBUS", "did not arrive");
    }
    CHECK(ftruncate(fd, SIZE) == 0);
    drop_and_collect();
    herd_check_gone(&lost);
}
