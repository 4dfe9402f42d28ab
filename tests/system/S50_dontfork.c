// Memory of the heap that a child shall not have (MADV_DONTFORK, as libibverbs advises for what devices write to): the child's collector
// survives it, the parent's contents stay, are not copied, and are the child's again after MADV_DOFORK.
// args: madvise
// args: syscall
#include "check.h"

enum { BLOCKS = 10, SIZE = 1 << 20, PAGE = 4096, ROUNDS = 20000 };

static char *volatile kept[BLOCKS];
static bool by_number;

static void advise(int advice)
{
    for (int i = 0; i < BLOCKS; i++)
        CHECK((by_number ? (int)syscall(SYS_madvise, kept[i], SIZE, advice) : madvise(kept[i], SIZE, advice)) == 0);
}

static bool child_has_them(void)
{
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        for (int i = 0; i < ROUNDS; i++) free(malloc(100 + (size_t)i % 1000));
        drop_and_collect();
        _exit(gcpre_available() && kept[BLOCKS - 1][SIZE / 2] == 1 ? 3 : 0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status), "status %x", status);
    return WEXITSTATUS(status) == 3;
}

int main(int argc, char **argv)
{
    by_number = strcmp(argv[argc - 1], "syscall") == 0;
    for (int i = 0; i < BLOCKS; i++) {
        void *p;
        CHECK(posix_memalign(&p, PAGE, SIZE) == 0);
        kept[i] = (char *)memset(p, 1, SIZE);
    }
    collect();
    advise(MADV_DONTFORK);
    CHECK(!child_has_them());
    for (int i = 0; i < BLOCKS; i++) CHECK(kept[i][0] == 1 && kept[i][SIZE - 1] == 1);
    advise(MADV_DOFORK);
    CHECK(child_has_them() == gcpre_available());
    CHECK(madvise(kept[0] + 1, SIZE, MADV_DONTFORK) == -1 && errno == EINVAL);
}
