// A SIGSEGV handler that leaves by siglongjmp, for a null pointer and for a protected page, hundreds of times while collecting.
#include "check.h"
#include <setjmp.h>

static sigjmp_buf back;
static void on_fault(int signal) { siglongjmp(back, signal); }

int main(void)
{
    char *volatile targets[] = {NULL, (char *)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), (char *)0x10000};
    volatile int caught = 0;
    char *volatile block = branded((char *)malloc(500), 500);
    CHECK(signal(SIGSEGV, on_fault) == SIG_DFL);
    herd_lose(&lost, 1000, RARE_SIZE);
    collector_start();
    for (volatile int i = 0; i < 500; i++) {
        if (sigsetjmp(back, 1) == 0) {
            *targets[i % 3] = 1;
            check_failed(__FILE__, __LINE__, "SIGSEGV", "round %d did not fault", i);
        }
        caught++;
        block[i] = brand(block);  // the barrier still works behind it
    }
    collector_stop();
    CHECK(caught == 500 && is_whole(hide(block), 500));
    drop_and_collect();
    herd_check_gone(&lost);
}
