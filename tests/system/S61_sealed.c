// GCPRE_FREE=quarantine: a large block that was freed has no pages and cannot be touched: a store and a load are faults that are told of and
// that the program's own handler sees as it would see any other; the kernel's own writes fail with EFAULT. When the last pointer is
// gone its memory is used again, zeroed where calloc asks; and a child of fork finds all of it as it was.
// env: GCPRE_FREE=quarantine
// needs-library: yes
// expect-stderr: use after free: write to 0x[0-9a-f]+ \(24 bytes into a block of (1050624|1052672) bytes\)(?s:.*)use after free: read of
#include "check.h"
#include <setjmp.h>
#include <ucontext.h>

enum { SIZE = 1 << 20, BLOCKS = 40, TURNS = 200 };

static char *volatile dangling[BLOCKS];
static hidden places[BLOCKS];
static sigjmp_buf back;
static char *volatile faulted_at;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    CHECK(signal == SIGSEGV && info->si_code == SEGV_ACCERR);
    faulted_at = (char *)info->si_addr;
    siglongjmp(back, 1);
}

static bool store_faults(char *p)
{
    faulted_at = NULL;
    if (sigsetjmp(back, 1) == 0) *(volatile char *)p = 1;
    return faulted_at == p;
}

static bool load_faults(const char *p)
{
    faulted_at = NULL;
    if (sigsetjmp(back, 1) == 0) (void)*(const volatile char *)p;
    return faulted_at == p;
}

NOINLINE static void free_all(void)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        dangling[i] = (char *)malloc(SIZE);
        memset(dangling[i], 1, SIZE);
        places[i] = hide(dangling[i]);
    }
    long before = status_of("VmRSS:");
    for (size_t i = 0; i < BLOCKS; i++) free(dangling[i]);
    CHECK(status_of("VmRSS:") < before - BLOCKS * (SIZE >> 10) / 2, "the pages were not given back");
}

NOINLINE static void check_sealed(void)
{
    int pipes[2];
    CHECK(pipe(pipes) == 0 && write(pipes[1], "text", 4) == 4);
    CHECK(read(pipes[0], dangling[2] + 100, 4) == -1 && errno == EFAULT);
    CHECK(write(pipes[1], dangling[2] + 100, 4) == -1 && errno == EFAULT);
    close(pipes[0]);
    close(pipes[1]);
    CHECK(store_faults(dangling[0] + 24) && load_faults(dangling[1] + SIZE - 1) && load_faults(dangling[BLOCKS - 1]));
}

NOINLINE static size_t reused(void)
{
    size_t count = 0;
    for (size_t n = 0; n < TURNS; n++) {
        char *p = n % 2 ? (char *)calloc(1, SIZE) : (char *)malloc(SIZE);
        CHECK(p && (n % 2 == 0 || (p[0] == 0 && p[SIZE / 2] == 0)));
        memset(p, 2, SIZE);
        for (size_t i = 0; i < BLOCKS; i++) count += hide(p) == places[i];
        free(p);
    }
    return count;
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    collect();
    sigaction(SIGSEGV, &action, NULL);
    free_all();
    drop_and_collect(); // what was freed while a cycle ran is sealed by now, too
    check_sealed();
    CHECK(reused() == 0, "a block was used again while a pointer to it exists");
    pid_t child = fork();
    if (child == 0) {
        check_sealed();
        for (size_t i = 0; i < BLOCKS; i++) dangling[i] = NULL;
        CHECK(reused() + reused() + reused() + reused() + reused() > 0);
        _exit(0);
    }
    expect_child(child, 0);
    check_sealed();
    for (size_t i = 0; i < BLOCKS; i++) dangling[i] = NULL;
    size_t count = 0;
    for (int i = 0; i < 20 && count == 0; i++) {
        drop_and_collect();
        count += reused();
    }
    CHECK(count > 0, "nothing is ever used again");
}
