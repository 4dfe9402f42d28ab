// A program for tests/system/leaks_stale.py: blocks that are written once, and blocks that are written each time that a line comes: by the
// program, and by the kernel. `cold` writes the others too, `exit` ends it.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCKS = 2000, BYTES = 200, LARGE = 300000 };

static char *cold[BLOCKS], *hot[BLOCKS], *by_kernel[BLOCKS], *volatile large_cold, *large_hot;

// Functions of their own, so that each has a site.
__attribute__((noinline)) static char *keep_cold(size_t n) { return memset(malloc(n), 1, n); }
__attribute__((noinline)) static char *keep_hot(size_t n) { return memset(malloc(n), 1, n); }
__attribute__((noinline)) static char *keep_for_kernel(size_t n) { return memset(malloc(n), 1, n); }

static void touch(int zero)
{
    for (int i = 0; i < BLOCKS; i++) hot[i][i % BYTES]++;
    for (int i = 0; i < BLOCKS; i++) if (read(zero, by_kernel[i], 1) != 1) abort();
    large_hot[LARGE / 2]++;
}

int main(void)
{
    char line[100];
    int zero = open("/dev/zero", O_RDONLY);
    for (int i = 0; i < BLOCKS; i++) cold[i] = keep_cold(BYTES);
    for (int i = 0; i < BLOCKS; i++) hot[i] = keep_hot(BYTES);
    for (int i = 0; i < BLOCKS; i++) by_kernel[i] = keep_for_kernel(BYTES);
    large_cold = keep_cold(LARGE);
    large_hot = keep_hot(LARGE);
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        touch(zero);
        if (strncmp(line, "cold", 4) == 0) for (int i = 0; i < BLOCKS; i++) cold[i][0]++;
        if (strncmp(line, "exit", 4) == 0) break;
        puts("ok");
        fflush(stdout);
    }
}
