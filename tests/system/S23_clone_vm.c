// Another process runs in our memory (CLONE_VM without CLONE_THREAD): from then on nothing is reclaimed.
// expect-stderr: ^gcpre.*(passive|nothing will be reclaimed)
#include "check.h"

static int ready, go;
static char stack[64 << 10] __attribute__((aligned(16)));

static int body(void *block)
{
    char *volatile only = (char *)block;
    SET(ready, 1);
    while (!GET(go)) __asm__ volatile("pause");
    syscall(SYS_exit, is_whole(hide(only), 90) ? 0 : 1);
    return 0;
}

NOINLINE static int share(void)
{
    return clone(body, stack + sizeof stack, CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, herd_add(&held, (char *)malloc(90), 90));
}

int main(void)
{
    int child = share();
    WAIT_UNTIL(GET(ready));
    herd_lose(&lost, 1000, 90);
    drop_and_collect();
    herd_check_whole(&held);
    herd_check_whole(&lost);
    SET(go, 1);
    expect_child(child, 0);
    drop_and_collect();
    herd_check_whole(&lost);
}
