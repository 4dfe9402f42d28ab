// One thread is held by a debugger (ptrace stop): cycles end without reclaiming, and reclaim again once it runs.
// allow-stderr: ^gcpre
#include "check.h"
#include <sys/prctl.h>
#include <sys/ptrace.h>

static int tid, go, held_back[2], let_go[2];

static void *body(void *unused)
{
    char *volatile block = herd_add(&held, (char *)malloc(90), 90);
    SET(tid, (int)syscall(SYS_gettid));
    while (!GET(go)) __asm__ volatile("pause");
    CHECK(is_allocated(hide(block)) && is_whole(hide(block), 90));
    block = NULL;
    return unused;
}

static void trace(void)
{
    int status;
    char c;
    CHECK(ptrace(PTRACE_SEIZE, tid, 0, 0) == 0);
    CHECK(ptrace(PTRACE_INTERRUPT, tid, 0, 0) == 0);
    CHECK(waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status));
    CHECK(write(held_back[1], "", 1) == 1);
    CHECK(read(let_go[0], &c, 1) == 1);
    CHECK(ptrace(PTRACE_DETACH, tid, 0, 0) == 0);
    _exit(0);
}

int main(void)
{
    char c;
    CHECK(pipe(held_back) == 0 && pipe(let_go) == 0);
    pthread_t thread = start(body, NULL);
    WAIT_UNTIL(GET(tid));
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    pid_t child = fork();
    if (child == 0) trace();
    close(held_back[1]);
    if (read(held_back[0], &c, 1) != 1) skip("no ptrace here");
    herd_lose(&lost, 1000, 90);
    for (int i = 0; i < 2; i++) drop_and_collect();
    herd_check_whole(&held);
    CHECK(write(let_go[1], "", 1) == 1);
    expect_child(child, 0);
    drop_and_collect();
    SET(go, 1);
    join(thread);
    drop_and_collect();
    herd_check_gone(&lost);
}
