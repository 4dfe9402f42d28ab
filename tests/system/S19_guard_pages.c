// Blocks of the heap with pages that the program protected: guard pages below stacks, read-only data (the example of mprotect(2)).
// The collector reads none that it must not, sees what they hold, hands none to anybody else, and faults stay the program's.
// args: mprotect
// args: syscall
#include "check.h"
#include <setjmp.h>

enum { PAGE = 4096, STACKS = 60, STACK_BYTES = 16 * PAGE };

static bool by_number;
static char **vault; // a page of the heap, unreadable while it holds the only pointers
static sigjmp_buf out;
static char *volatile fault_at;

static void protect(void *start, size_t bytes, int prot)
{
    CHECK((by_number ? (int)syscall(SYS_mprotect, start, bytes, prot) : mprotect(start, bytes, prot)) == 0);
}

static char *pages(size_t bytes)
{
    void *p;
    CHECK(posix_memalign(&p, PAGE, bytes) == 0);
    return (char *)memset(p, 1, bytes);
}

static void into_vault(size_t i, char *p)
{
    protect(vault, PAGE, PROT_READ | PROT_WRITE);
    vault[i] = p;
    protect(vault, PAGE, PROT_NONE);
}

static void out_of_vault(size_t i) { into_vault(i, NULL); }

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    fault_at = info->si_addr;
    siglongjmp(out, 1);
}

/* Stores from below until the program's own protection stops it. */
static void write_up(char *from)
{
    if (sigsetjmp(out, 1) == 0)
        for (char *volatile at = from;; at += 64) *at = 'a';
}

static void stays_protected(char *block, char *page, int prot)
{
    protect(page, PAGE, prot);
    for (int round = 0; round < 4; round++) {
        collect();
        fault_at = NULL;
        write_up(block);
        CHECK(fault_at == page, "%p, not %p", fault_at, page);
    }
    protect(page, PAGE, PROT_READ | PROT_WRITE);
    memset(page, 2, PAGE);
}

/* Stacks with a guard page: some are used on, some freed as they are, some lost. */
NOINLINE static void stacks(void)
{
    static char *kept[STACKS];
    for (int i = 0; i < 3 * STACKS; i++) {
        char *stack = pages(STACK_BYTES);
        protect(stack, PAGE, PROT_NONE);
        memset(stack + PAGE, 3, STACK_BYTES - PAGE);
        if (i % 3 == 0) kept[i / 3] = stack;
        if (i % 3 == 1) free(stack);
    }
    drop_and_collect();
    for (int i = 0; i < 3 * STACKS; i++) free(memset(pages(STACK_BYTES), 4, STACK_BYTES));
    for (int i = 0; i < STACKS; i++) {
        CHECK(kept[i][PAGE] == 3 && kept[i][STACK_BYTES - 1] == 3);
        protect(kept[i], PAGE, PROT_READ | PROT_WRITE);
        free(kept[i]);
    }
}

int main(int argc, char **argv)
{
    by_number = strcmp(argv[argc - 1], "syscall") == 0;
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);

    vault = memset(pages(PAGE), 0, PAGE);
    hazard(500, RARE_SIZE, into_vault, out_of_vault);
    protect(vault, PAGE, PROT_READ | PROT_WRITE);

    char *large = pages(64 * PAGE), *small = pages(4 * PAGE);
    stays_protected(large, large + 40 * PAGE, PROT_READ);
    stays_protected(large, large + 40 * PAGE, PROT_NONE);
    stays_protected(small, small + 2 * PAGE, PROT_READ);
    stays_protected(small, small + 2 * PAGE, PROT_NONE);
    stacks();
}
