// Cycles end in the middle of a run: the report tells what was proven until then, what of it the program still has, and why that may
// not be all. A seccomp filter allows no report afterwards: it is written before.
// needs-library: yes
// cflags: -O0
// config: default
// args: text
// args: json
// args: sealed
// env: GCPRE_LEAKS=exit GCPRE_EXITCODE=23 GCPRE_REPORT=report
// expect-exit: 0
// allow-stderr: ^gcpre\[\d+\]: nothing will be reclaimed in this process
#include "check.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static void *kept;

static __attribute__((noinline)) void lose(size_t bytes) { memset(malloc(bytes), 1, bytes); }
static __attribute__((noinline)) void cover(void)
{
    volatile char dead[4000] = {0};
    (void)dead[0];
}

static void leave_cycles(bool sealed)
{
    struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {1, all};
    if (sealed) {
        CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
    } else {
        syscall(SYS_io_uring_setup, 0, NULL);
    }
}

static void run(const char *how)
{
    bool sealed = strcmp(how, "sealed") == 0;
    lose(1001);
    cover();
    if (!sealed) // else it is looked for at the filter
        CHECK(__lsan_do_recoverable_leak_check());
    leave_cycles(sealed);
    lose(2002);
    kept = malloc(3003);
    exit(0);
}

static char text[1 << 20];

static void read_report(void)
{
    int fd = open("report", O_RDONLY);
    ssize_t bytes = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    text[bytes > 0 ? bytes : 0] = 0;
    close(fd);
}

static const char *const wanted[][4] = {
    {"SUMMARY: LeakSanitizer: 1001 byte(s) leaked in 1 allocation(s).", "more may be lost than was proven", "io_uring", "1001"},
    {"\"blocks\":1,\"bytes\":1001", "\"blocks\":1,\"bytes\":3003", "\"reason\":\"exit\",\"lost_blocks\":1,\"lost_bytes\":1001,",
     "\"incomplete\":\"the program uses io_uring"},
    {"\"blocks\":1,\"bytes\":1001", "\"type\":\"live\"", "\"reason\":\"retired\",\"lost_blocks\":1,\"lost_bytes\":1001,",
     "\"incomplete\":\"it restricts its system calls"},
};

int main(int argc, char **argv)
{
    const char *how = argv[argc - 1];
    int status, row = strcmp(how, "text") == 0 ? 0 : strcmp(how, "json") == 0 ? 1 : 2;
    if (getenv("INSIDE")) run(how);
    setenv("INSIDE", "1", 1);
    setenv("GCPRE_FORMAT", row ? "json" : "text", 1);
    pid_t pid = fork();
    if (!pid) execl("/proc/self/exe", argv[0], how, NULL);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 23, "%d", WEXITSTATUS(status));
    read_report();
    for (size_t i = 0; i < COUNT(wanted[row]); i++) CHECK(strstr(text, wanted[row][i]), "%s is not in: %s", wanted[row][i], text);
    CHECK(row == 1 || !strstr(text, "2002"), "%s", text); // that it lives is known
    CHECK(!row || !strstr(text, "retained_bytes") == (row == 1), "%s", text); // nobody walks where no cycle may run
    _exit(0);
}
