// A process that uses io_uring: nothing can be pinned, so nothing is reclaimed from then on, and that is said once.
// needs-library: yes
// expect-stderr: io_uring
#include "check.h"
#include <linux/io_uring.h>

int main(void)
{
    struct io_uring_params parameters = {0};
    long ring = syscall(SYS_io_uring_setup, 4, &parameters);
    if (ring < 0) {
        dprintf(2, "io_uring is refused here\n");
        skip("no io_uring here");
    }
    herd_lose(&lost, 1000, 100);
    drop_and_collect();
    herd_check_whole(&lost);
}
