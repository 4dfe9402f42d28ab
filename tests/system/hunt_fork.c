// What a process has lost and told of is not its children's: neither in their exit codes nor in their reports, in any generation.
// needs-library: yes
// cflags: -O0
// env: GCPRE_LEAKS=exit GCPRE_EXITCODE=23 GCPRE_REPORT=report GCPRE_VERIFY=0
#include "check.h"

#include <sys/wait.h>

int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static __attribute__((noinline)) void lose(size_t bytes) { memset(malloc(bytes), 1, bytes); }
static __attribute__((noinline)) void cover(void)
{
    volatile char dead[2000] = {0};
    (void)dead[0];
}

static void lose_and_tell(size_t bytes)
{
    lose(bytes);
    cover();
    CHECK(__lsan_do_recoverable_leak_check());
}

static int in_child(void (*function)(void))
{
    int status;
    pid_t pid = fork();
    if (!pid) {
        function();
        exit(0);
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void do_nothing(void) {}
static void lose_and_fork(void)
{
    lose_and_tell(2002);
    CHECK(in_child(do_nothing) == 0, "the grandchild lost nothing");
}

static int count(const char *text)
{
    char line[4096];
    int found = 0;
    FILE *report = fopen("report", "r");
    while (report && fgets(line, sizeof line, report)) found += strstr(line, text) != NULL;
    if (report) fclose(report);
    return found;
}

int main(void)
{
    lose_and_tell(1001);
    CHECK(in_child(do_nothing) == 0, "the child lost nothing");
    CHECK(count("1001 byte(s) in 1 object(s)") == 1, "%d", count("1001 byte(s) in 1 object(s)"));
    CHECK(in_child(lose_and_fork) == 23, "the child lost something");
    CHECK(count("2002 byte(s) in 1 object(s)") == 2, "%d", count("2002 byte(s) in 1 object(s)")); // when it asked, and at its end
    CHECK(count("==ERROR: LeakSanitizer") == 2, "each has a heading");
    _exit(0);
}
