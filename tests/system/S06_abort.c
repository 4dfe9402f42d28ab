// abort() ends by its own signal, with threads running and collecting; a handler for it still runs.
// expect-exit: -6
// expect-stdout: handled
#include "check.h"

static void *churn(void *unused)
{
    for (;;) free(malloc(100));
    return unused;
}
static void on_abort(int signal)
{
    dprintf(1, "handled %d\n", signal);
}
int main(void)
{
    signal(SIGABRT, on_abort);
    start(churn, NULL);
    collector_start();
    wait_for_cycles(5);
    abort();
}
