// A program annotated for LeakSanitizer: <sanitizer/lsan_interface.h>, without linking it.
// needs-library: yes
// cflags: -rdynamic -O0
// env: GCPRE_LEAKS=exit GCPRE_REPORT=report GCPRE_VERIFY=0
// args: ignored
// args: disabled
// args: checked
// args: suppressed
// args: off
// args: ends
#include "check.h"

#include <sys/wait.h>

void __lsan_do_leak_check(void) __attribute__((weak));
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));
void __lsan_ignore_object(const void *p) __attribute__((weak));
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static const char *mode;

const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:lose_by_design\n"; }

int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) { return mode && strcmp(mode, "off") == 0; }

struct node {
    struct node *next;
    char text[40];
};

static __attribute__((noinline)) struct node *make(struct node *next)
{
    struct node *n = calloc(1, sizeof *n);
    CHECK(n);
    n->next = next;
    return n;
}

void lose_by_design(void);
__attribute__((noinline)) void lose_by_design(void) { make(make(NULL)); }

static __attribute__((noinline)) void lose(void) { make(NULL); }

static __attribute__((noinline)) void plant(void)
{
    if (strcmp(mode, "ignored") == 0)
        __lsan_ignore_object(make(make(NULL)));
    if (strcmp(mode, "disabled") == 0) {
        __lsan_disable();
        lose();
        __lsan_disable(); // nests
        __lsan_enable();
        lose();
        __lsan_enable();
    }
    if (strcmp(mode, "suppressed") == 0)
        lose_by_design();
    if (strcmp(mode, "off") == 0 || strcmp(mode, "ends") == 0)
        lose();
}

static int run(void)
{
    plant();
    clear_stack();
    if (strcmp(mode, "checked") == 0) {
        CHECK(__lsan_do_recoverable_leak_check() == 0);
        lose();
        clear_stack();
        CHECK(__lsan_do_recoverable_leak_check() == 1);
        CHECK(__lsan_do_recoverable_leak_check() == 1); // what was lost stays so
    }
    if (strcmp(mode, "ends") == 0)
        __lsan_do_leak_check();
    return 0;
}

static bool report_says(const char *text)
{
    static char report[65536];
    FILE *file = fopen("report", "r");
    size_t bytes = file ? fread(report, 1, sizeof report - 1, file) : 0;
    if (file)
        fclose(file);
    report[bytes] = 0;
    return strstr(report, text);
}

int main(int argc, char **argv)
{
    CHECK(argc >= 2);
    if (argc == 3) { // the child, whose end is what is looked at
        mode = argv[1];
        return run();
    }
    bool finds = strcmp(argv[1], "checked") == 0 || strcmp(argv[1], "ends") == 0;
    setenv("GCPRE_EXITCODE", "23", 1);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        execl("/proc/self/exe", argv[0], argv[1], "child", NULL);
        _exit(127);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == (finds ? 23 : 0));
    CHECK(report_says("SUMMARY: LeakSanitizer: 48 byte(s) leaked in 1 allocation(s).") == finds);
    CHECK(report_says("Suppressions used") == (strcmp(argv[1], "suppressed") == 0));
    _exit(0); // this one has nothing to say
}
