// A pointer that the collector cannot see, in one of the ways a program uses its block: detected while the block is condemned,
// the block whole, its size not reclaimed any more; after three sizes nothing is.
// env: GCPRE_PROBATION=4
// args: free 700
// args: free 100000
// args: realloc 700
// args: realloc 100000
// args: usable 700
// args: usable 100000
// args: write 700
// args: write 100000
// args: sizes
// expect-stderr: a block of [0-9]+ bytes at 0x[0-9a-f]+ was (freed|resized|measured|written) after it had been condemned
// needs-library: yes
#include "check.h"
#include <malloc.h>

enum { COUNT_OF_BLOCKS = 20 };

static void use(const char *how, char *p, size_t size)
{
    CHECK(is_whole(hide(p), size), "corrupted");
    if (strcmp(how, "free") == 0) free(p);
    if (strcmp(how, "realloc") == 0) {
        char *moved = realloc(p, size * 3);
        CHECK(moved && moved[0] == brand(p) && moved[size - 1] == brand(p));
    }
    if (strcmp(how, "usable") == 0) CHECK(malloc_usable_size(p) >= size);
    if (strcmp(how, "write") == 0) p[size - 1] ^= 1;
}

/* In the pipe are the only pointers; two cycles condemn their blocks, not more. */
NOINLINE static void go_through_a_pipe(const char *how, size_t size)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    held.count = 0;
    for (int i = 0; i < COUNT_OF_BLOCKS; i++) {
        char *p = herd_add(&held, (char *)malloc(size), size);
        CHECK(write(ends[1], &p, sizeof p) == sizeof p);
    }
    drop_and_collect();
    for (int i = 0; i < COUNT_OF_BLOCKS; i++) {
        char *p;
        CHECK(read(ends[0], &p, sizeof p) == sizeof p);
        use(how, p, size);
    }
    drop_and_collect(); // what was written is found by the next sweep
    close(ends[0]);
    close(ends[1]);
}

/* No block of this size is reclaimed any more. */
NOINLINE static void stays(size_t size)
{
    lost.count = 0;
    herd_lose(&lost, 200, size);
    for (int i = 0; i < 3; i++) drop_and_collect();
    herd_check_whole(&lost);
}

int main(int argc, char **argv)
{
    if (argc == 2) {
        for (size_t size = 500; size <= 2000; size += 500) go_through_a_pipe("free", size);
        stays(RARE_SIZE);
        return 0;
    }
    go_through_a_pipe(argv[1], (size_t)atol(argv[2]));
    stays((size_t)atol(argv[2]));
    lost.count = 0;
    herd_lose(&lost, 500, RARE_SIZE);
    for (int i = 0; i < 3; i++) drop_and_collect();
    herd_check_gone(&lost);
}
