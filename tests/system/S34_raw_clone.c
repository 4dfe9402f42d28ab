// Threads that nobody announced (raw clone) hold the only pointer in a register: they are found, or nothing is reclaimed.
#include "check.h"

enum { THREADS = 6, FLAGS = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM };
struct cell { char *p; int ready, go, gone; };
static struct cell cells[THREADS];
static char stacks[THREADS][32 << 10] __attribute__((aligned(16)));

/* In assembly from the first instruction to the last: the thread has no thread-local storage of its own. */
static int body(void *cell)
{
    __asm__ volatile("movq (%0),%%r12\n\tmovq $0,(%0)\n\tmovl $1,8(%0)\n"
                     "1:\tpause\n\tcmpl $0,12(%0)\n\tje 1b\n\t"
                     "movq %%r12,(%0)\n\txor %%r12,%%r12\n\tmovl $1,16(%0)\n\t"
                     "movl $60,%%eax\n\txor %%edi,%%edi\n\tsyscall" ::"r"(cell) : "r12", "rax", "rdi", "rcx", "r11", "memory");
    __builtin_unreachable();
}

NOINLINE static void begin(int i)
{
    cells[i] = (struct cell){.p = herd_add(&held, (char *)malloc(90), 90)};
    CHECK(clone(body, stacks[i] + sizeof stacks[i], FLAGS, &cells[i]) > 0);
    WAIT_UNTIL(GET(cells[i].ready));
}

int main(void)
{
    for (int round = 0; round < 2; round++) {
        held.count = lost.count = 0;
        for (int i = 0; i < THREADS; i++) begin(i);
        herd_lose(&lost, 1000, 90);
        drop_and_collect();
        herd_check_whole(&held);
        for (int i = 0; i < THREADS; i++) {
            SET(cells[i].go, 1);
            WAIT_UNTIL(GET(cells[i].gone));
            CHECK(cells[i].p == unhide(held.at[i]));
        }
        WAIT_UNTIL(threads_of_ours() == 1);
        memset(cells, 0, sizeof cells);
        memset(stacks, 0, sizeof stacks);
        drop_and_collect();
        herd_check_gone(&lost);
        herd_check_gone(&held);
    }
}
