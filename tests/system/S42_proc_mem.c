// The only pointer moves to and fro by writes that no barrier sees: through /proc/self/mem and process_vm_writev.
// args: proc_mem
// args: process_vm_writev
// allow-stderr: ^gcpre
#include "check.h"
#include <sys/uio.h>

enum { BLOCKS = 64, SIZE = 40 << 10, SLOT = 1200 };
static char **tables[BLOCKS];  // heap blocks far apart; the pointer is in just one of them
static int mem;

static void store(char **where, char *p)
{
    if (mem >= 0) {
        CHECK(pwrite(mem, &p, sizeof p, (off_t)(uintptr_t)where) == sizeof p);
    } else {
        struct iovec from = {&p, sizeof p}, to = {where, sizeof p};
        CHECK(process_vm_writev(getpid(), &from, 1, &to, 1, 0) == sizeof p);
    }
}

NOINLINE static void move(size_t from, size_t to)
{
    char *p = tables[from][SLOT];
    CHECK(is_allocated(hide(p)) && is_whole(hide(p), 200), "before moving from %zu", from);
    store(&tables[to][SLOT], p);
    store(&tables[from][SLOT], NULL);
}

int main(int argc, char **argv)
{
    mem = strcmp(argv[argc - 1], "proc_mem") == 0 ? open("/proc/self/mem", O_RDWR) : -1;
    for (size_t i = 0; i < BLOCKS; i++) tables[i] = (char **)calloc(1, SIZE);
    tables[0][SLOT] = branded((char *)malloc(200), 200);
    herd_lose(&lost, 1000, RARE_SIZE);
    collector_start();
    size_t at = 0;
    for (size_t round = 0; round < 3000; round++) {
        size_t next = (at + 37) % BLOCKS;
        move(at, next);
        at = next;
        clear_stack();
        if (round % 100 == 0) wait_for_cycles(1);
    }
    collector_stop();
}
