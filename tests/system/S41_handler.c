// A program that lives on its own SIGSEGV handler (as virtual machines do): address, mask, stack and flags are as it set them,
// while our barrier may fault on the same pages' neighbours.
#include "check.h"
#include <ucontext.h>

enum { PAGES = 400, PAGE = 4096 };
static char *area, alternate[64 << 10];
static volatile int handled;
static char **heap_table;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    char here, *page = (char *)((uintptr_t)info->si_addr & ~(uintptr_t)(PAGE - 1));
    sigset_t mask;
    CHECK(signal == SIGSEGV && info->si_code == SEGV_ACCERR && context != NULL);
    CHECK(page >= area && page < area + PAGES * PAGE, "a fault at %p is not ours", info->si_addr);
    CHECK(&here > alternate && &here < alternate + sizeof alternate, "not on the alternate stack");
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    CHECK(sigismember(&mask, SIGUSR1) == 1 && sigismember(&mask, SIGUSR2) == 0, "the handler's mask");
    heap_table[handled] = branded((char *)malloc(50), 50);  // writes to armed pages within the handler
    handled++;
    CHECK(mprotect(page, PAGE, PROT_READ | PROT_WRITE) == 0);
}

int main(void)
{
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK}, old;
    sigaddset(&action.sa_mask, SIGUSR1);
    CHECK(sigaltstack(&stack, NULL) == 0 && sigaction(SIGSEGV, &action, NULL) == 0);
    CHECK(sigaction(SIGSEGV, NULL, &old) == 0 && old.sa_sigaction == on_fault && (old.sa_flags & SA_ONSTACK) && sigismember(&old.sa_mask, SIGUSR1));
    heap_table = (char **)calloc(PAGES, sizeof *heap_table);
    area = (char *)mmap(NULL, PAGES * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    collector_start();
    for (int i = 0; i < PAGES; i++) {
        if (i % 10 == 0) wait_for_cycles(1);
        ((volatile char *)area)[i * PAGE + 8] = 1;
        CHECK(handled == i + 1, "%d faults handled", handled);
    }
    collector_stop();
    drop_and_collect();
    for (int i = 0; i < PAGES; i++) CHECK(is_allocated(hide(heap_table[i])) && is_whole(hide(heap_table[i]), 50), "block %d", i);
}
