// An allocation leaves errno alone, whatever its stack was taken with: from a hundred different ones, each new.
// env: GCPRE_LEAKS=exit GCPRE_REPORT=/dev/null
#include "check.h"

static void allocate(void)
{
    void *p;
    errno = EDOM;
    free(malloc(33));
    free(calloc(3, 33));
    free(realloc(malloc(5), 5000));
    free(aligned_alloc(64, 640));
    free(malloc(100000));
    CHECK(posix_memalign(&p, 64, 33) == 0);
    free(p);
    CHECK(errno == EDOM, "errno %d", errno);
}

static __attribute__((noinline)) void descend(int depth)
{
    volatile char frame[5000] = {(char)depth}; // each call has pages of its own, which the unwinder looks at for the first time
    if (depth) descend(frame[0] - 1);
    else allocate();
    __asm__ volatile("");
}

int main(void)
{
    for (int depth = 0; depth < 100; depth++) descend(depth);
}
