// Shared memory is written through a second mapping, and by write(2) to its descriptor: the only pointer moves there.
// allow-stderr: ^gcpre
#include "check.h"

enum { PAGE = 4096, PAGES = 64 };
static char *first, *second;
static int memory;

static char **slot_in(char *mapping, size_t page) { return (char **)(mapping + page * PAGE + 64); }

NOINLINE static void move(size_t from, size_t to, bool by_write)
{
    char *p = *slot_in(first, from), *none = NULL;
    CHECK(is_allocated(hide(p)) && is_whole(hide(p), 200), "before moving from %zu", from);
    if (by_write) {
        CHECK(pwrite(memory, &p, sizeof p, (off_t)(to * PAGE + 64)) == sizeof p);
        CHECK(pwrite(memory, &none, sizeof none, (off_t)(from * PAGE + 64)) == sizeof none);
    } else {
        *slot_in(second, to) = p;
        *slot_in(second, from) = NULL;
    }
}

int main(void)
{
    memory = memfd_create("shared", 0);
    CHECK(ftruncate(memory, PAGES * PAGE) == 0);
    first = (char *)mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    second = (char *)mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    *slot_in(first, 0) = branded((char *)malloc(200), 200);
    herd_lose(&lost, 1000, RARE_SIZE);
    collector_start();
    for (size_t round = 0, at = 0; round < 3000; round++) {
        size_t next = (at + 37) % PAGES;
        move(at, next, round % 2);
        at = next;
        clear_stack();
        if (round % 100 == 0) wait_for_cycles(1);
    }
    collector_stop();
}
