// A double free while leaks are hunted: told with the stack that allocated the block and the one that frees it again.
// env: GCPRE_LEAKS=exit GCPRE_REPORT=/dev/null GCPRE_LOG=stderr
// cflags: -O0
// needs-library: yes
// expect-stderr: this block is free already(?s:.*)allocated at(?s:.*)#0 0x[0-9a-f]+ \((the program|.*S60_stacks).*(?s:.*)#1 (?s:.*)freed again at(?s:.*)#0 0x[0-9a-f]+ \((the program|.*S60_stacks)
#include "check.h"

static char *volatile block;

static __attribute__((noinline)) void make(void) { block = (char *)malloc(200); }

static __attribute__((noinline)) void drop(void) { free(block); }

int main(void)
{
    make();
    char *other = (char *)malloc(200);
    drop();
    free(other);
    drop();
    CHECK(malloc(10) != NULL); // and it goes on
}
