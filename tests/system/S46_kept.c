// Extents that are kept for the next request of their size are given up when memory ends: blocks that lie side by side and were freed make
// room for a larger one.
// args: limited
// allow-stderr: ^gcpre
// needs-library: yes
#include "check.h"
#include <sys/resource.h>

enum { SIZE = 900 << 10, MOST = 400, FREED = 12, KEPT = 4 };
static char *blocks[MOST];

static void run_again_limited(char **argv)
{
    struct rlimit limit = {200000 << 10, 200000 << 10};
    char *again[] = {argv[0], argv[1], (char *)"now", NULL};
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    execv("/proc/self/exe", again);
    check_failed(__FILE__, __LINE__, "execv", "returned");
}

int main(int argc, char **argv)
{
    size_t count = 0;
    if (argc < 3) run_again_limited(argv);
    while (count < MOST && (blocks[count] = (char *)malloc(SIZE))) count++;
    CHECK(count > 20 && count < MOST, "%zu blocks", count);
    for (size_t i = 0; i < FREED; i++) // those first that lie between the others: they are what is kept
        free(blocks[count - 1 - (i < KEPT ? 3 * i + 2 : (i - KEPT) / 2 * 3 + (i - KEPT) % 2)]);
    char *volatile large = (char *)malloc(3 << 20);
    CHECK(large, "there is no room for what was freed");
    memset(large, 1, 3 << 20);
}
