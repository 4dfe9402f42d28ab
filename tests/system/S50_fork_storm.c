// Forks from several threads in any phase of a cycle, while others allocate: each child allocates, collects and verifies.
// args: fork
// args: _Fork
// args: syscall
// timeout: 120
#include "check.h"

enum { FORKERS = 2, FORKS = 40 };
static const char *way;
static int stop;

static pid_t do_fork(void)
{
    if (strcmp(way, "fork") == 0) return fork();
    return strcmp(way, "_Fork") == 0 ? _Fork() : (pid_t)syscall(SYS_fork);
}

static void *churn(void *unused)
{
    char *mine[64] = {NULL};
    for (unsigned i = 0; !GET(stop); i++) {
        free(mine[i % 64]);
        mine[i % 64] = branded((char *)malloc(16 + i % 2000), 16);
        CHECK(is_whole(hide(mine[i * 7 % 64] ? mine[i * 7 % 64] : mine[i % 64]), 16));
    }
    return unused;
}

static void be_the_child(void)
{
    static struct herd fresh;
    for (size_t i = 0; i < 200; i++) CHECK(is_allocated(hide(slots[i])) && is_whole(hide(slots[i]), 80), "inherited block %zu", i);
    herd_lose(&fresh, 1000, 300);
    drop_and_collect();
    herd_check_gone(&fresh);
    for (size_t i = 0; i < 200; i++) CHECK(is_allocated(hide(slots[i])) && is_whole(hide(slots[i]), 80), "block %zu after the child's cycles", i);
    hazard(200, 80, put_slot, drop_slot);
    _exit(0);
}

static void *fork_often(void *unused)
{
    for (int i = 0; i < FORKS; i++) {
        pid_t child = do_fork();
        if (child == 0) be_the_child();
        expect_child(child, 0);
    }
    return unused;
}

int main(int argc, char **argv)
{
    way = argv[argc - 1];
    for (size_t i = 0; i < 200; i++) slots[i] = branded((char *)malloc(80), 80);
    pthread_t forkers[FORKERS], churner = start(churn, NULL);
    collector_start();
    for (size_t i = 0; i < FORKERS; i++) forkers[i] = start(fork_often, NULL);
    for (size_t i = 0; i < FORKERS; i++) join(forkers[i]);
    SET(stop, 1);
    join(churner); // from then on nobody takes the places of what was lost
    collector_stop();
    for (size_t i = 0; i < 200; i++) CHECK(is_allocated(hide(slots[i])) && is_whole(hide(slots[i]), 80), "block %zu in the parent", i);
}
