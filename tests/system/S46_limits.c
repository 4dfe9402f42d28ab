// Under tight limits (ulimit -v 200000, RLIMIT_DATA, both) programs run, get ENOMEM where memory ends, and go on.
// args: RLIMIT_AS
// args: RLIMIT_DATA
// args: both
// allow-stderr: ^gcpre
#include "check.h"
#include <sys/resource.h>

static void until_memory_ends(size_t size)
{
    char **last = NULL, **block;
    size_t total = 0;
    errno = 0;
    while ((block = (char **)malloc(size))) {
        memset(block, 0x99, size);
        *block = (char *)last;
        last = block, total += size;
        CHECK(total < (size_t)300 << 20, "the limit is not felt");
    }
    CHECK(errno == ENOMEM && total > 20 << 20, "only %zu kB, errno %d", total >> 10, errno);
    for (; last; last = block) {
        block = (char **)*last;
        free(last);
    }
}

static void run_again_limited(char **argv)
{
    struct rlimit limit = {200000 << 10, 200000 << 10};
    if (strcmp(argv[1], "RLIMIT_DATA") != 0) CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    if (strcmp(argv[1], "RLIMIT_AS") != 0) CHECK(setrlimit(RLIMIT_DATA, &limit) == 0);
    char *again[] = {argv[0], argv[1], (char *)"limited", NULL};
    execv("/proc/self/exe", again);
    check_failed(__FILE__, __LINE__, "execv", "returned");
}

int main(int argc, char **argv)
{
    if (argc < 3) run_again_limited(argv);
    hazard(300, 60, put_slot, drop_slot);
    collector_start();
    until_memory_ends(1000);
    collector_stop();
    until_memory_ends(100000);
    hazard(300, 60, put_slot, drop_slot);
    until_memory_ends(3 << 20);
    hazard(300, 60, put_slot, drop_slot);
}
