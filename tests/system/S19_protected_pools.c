// Memory that is no longer writable, or not even readable, still holds the only pointers.
// args: read
// args: none
#include "check.h"

enum { SIZE = 8 << 12 };
static char **pool;
static int protection;

static void put(size_t i, char *p)
{
    CHECK(mprotect(pool, SIZE, PROT_READ | PROT_WRITE) == 0);
    pool[i * 4] = p;
    CHECK(mprotect(pool, SIZE, protection) == 0);
}
static void drop(size_t i) { put(i, NULL); }

int main(int argc, char **argv)
{
    protection = strcmp(argv[argc - 1], "read") == 0 ? PROT_READ : PROT_NONE;
    pool = (char **)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    hazard_may_pause(1000, 60, put, drop);
}
