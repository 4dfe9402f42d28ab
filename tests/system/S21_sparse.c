// A sparse mapping of 64 GiB with a few pages: those are scanned, the rest is neither read nor given page tables.
#include "check.h"

static const size_t SIZE = (size_t)64 << 30, STEP = (size_t)640 << 20;
static char *sparse;
static void put(size_t i, char *p) { *(char **)(sparse + i * STEP) = p; }
static void drop(size_t i) { *(char **)(sparse + i * STEP) = NULL; }

int main(void)
{
    sparse = (char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(sparse != MAP_FAILED);
    madvise(sparse, SIZE, MADV_NOHUGEPAGE);
    hazard(100, 60, put, drop);
    for (int i = 0; i < 20; i++) collect();
    CHECK(status_of("VmPTE:") < 16 << 10, "page tables grew to %ld kB", status_of("VmPTE:"));
    CHECK(status_of("VmRSS:") < 256 << 10, "memory grew to %ld kB", status_of("VmRSS:"));
}
