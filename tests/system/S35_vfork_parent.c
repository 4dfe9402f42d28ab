// A thread that waits for its vfork child answers no signal: cycles end all the same, and reclaim again afterwards.
// allow-stderr: ^gcpre
#include "check.h"

static int ends[2], about_to;

static void *body(void *unused)
{
    char *volatile block = herd_add(&held, (char *)malloc(90), 90);
    SET(about_to, 1);
    pid_t child = vfork();
    if (child == 0) {
        char c;
        syscall(SYS_close, ends[1]);
        syscall(SYS_read, ends[0], &c, 1);
        _exit(0);
    }
    expect_child(child, 0);
    CHECK(is_allocated(hide(block)) && is_whole(hide(block), 90));
    block = NULL;
    return unused;
}

int main(void)
{
    CHECK(pipe(ends) == 0);
    pthread_t thread = start(body, NULL);
    WAIT_UNTIL(GET(about_to));
    herd_lose(&lost, 1000, RARE_SIZE);
    for (int i = 0; i < 3; i++) drop_and_collect();
    herd_check_whole(&held);
    close(ends[1]);
    join(thread);
    drop_and_collect();
    herd_check_gone(&lost);
}
