// GCPRE_FREE=quarantine in a process in which nothing is reclaimed any more: free frees at once, instead of holding everything back for ever,
// and says so; what is held already stays untouched, and is known to be freed.
// env: GCPRE_FREE=quarantine
// needs-library: yes
// expect-stderr: (?s:.*)nothing will be reclaimed(?s:.*)free\(\) frees at once(?s:.*)this block is free already(?s:.*)this block is free already
#include "check.h"

enum { SIZE = 700, LARGE = 200000, COUNT = 200, FREES = 200000, MOST_KB = 40000 };

static char *volatile dangling[COUNT];
static char stack[64 << 10] __attribute__((aligned(16)));

static int body(void *unused)
{
    (void)unused;
    syscall(SYS_exit, 0);
    return 0;
}

static size_t size_of(size_t i) { return i % 2 ? SIZE : LARGE; }

static void churn(size_t times)
{
    for (size_t i = 0; i < times; i++) {
        size_t size = i % 100 ? SIZE : LARGE;
        char *volatile p = (char *)malloc(size);
        memset(p, 1, size);
        for (size_t n = 0; n < COUNT && i % 1000 == 0; n++) CHECK(p != dangling[n]);
        free(p);
    }
}

int main(void)
{
    for (size_t i = 0; i < COUNT; i++) dangling[i] = (char *)memset(malloc(size_of(i)), 7, size_of(i));
    for (size_t i = 0; i < COUNT; i++) free(dangling[i]);
    expect_child(clone(body, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL), 0);
    churn(FREES / 10);
    long before = status_of("VmRSS:");
    churn(FREES);
    CHECK(status_of("VmRSS:") < before + MOST_KB, "%ld kB, %ld before", status_of("VmRSS:"), before);
    free(dangling[0]);
    free(dangling[1]);
    for (size_t i = 0; i < COUNT; i++)
        for (size_t at = 0; at < size_of(i); at++) CHECK(dangling[i][at] == 7);
}
