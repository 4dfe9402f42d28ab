/* launch: runs one program and prints what it used.
 *
 *     launch SECONDS MIB [NAME=VALUE ...] -- PROGRAM [ARGUMENT ...]
 *
 * The settings reach only the program, so a preloaded library is not loaded here. A run past SECONDS
 * or with more than MIB of memory is killed and says so. It is a program of its own because
 * a child's peak memory starts from that of the process that started it: here about 1 MiB.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { POLL_NS = 100000000 };

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
    return t.tv_sec + t.tv_usec / 1e6;
}

/* If memory runs out all the same, the kernel should take this process's child first. */
static void volunteer_for_oom(void)
{
    FILE *f = fopen("/proc/self/oom_score_adj", "w");
    if (f) {
        fputs("1000", f);
        fclose(f);
    }
}

static pid_t start(char **argv)
{
    pid_t pid;
    sigset_t none;
    posix_spawnattr_t attributes;
    sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, &none);
    int error = posix_spawn(&pid, argv[0], NULL, &attributes, argv, environ);
    if (error) {
        fprintf(stderr, "%s: %s\n", argv[0], strerror(error));
        exit(127);
    }
    return pid;
}

static long resident_mib(pid_t pid)
{
    char path[64];
    long total, resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *f = fopen(path, "r");
    if (f) {
        if (fscanf(f, "%ld %ld", &total, &resident) != 2)
            resident = 0;
        fclose(f);
    }
    return resident * sysconf(_SC_PAGESIZE) >> 20;
}

/* Waits for the end; gives the reason why it had to be brought about, or NULL. */
static const char *watch(pid_t pid, double deadline_s, long mib, int *status, struct rusage *used)
{
    const char *killed = NULL;
    const struct timespec poll = { 0, POLL_NS };
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    while (wait4(pid, status, WNOHANG, used) == 0) {
        sigtimedwait(&child, NULL, &poll);
        if (killed)
            continue;
        killed = now_s() > deadline_s ? "timeout" : resident_mib(pid) > mib ? "memory" : NULL;
        if (killed)
            kill(pid, SIGKILL);
    }
    return killed;
}

int main(int argc, char **argv)
{
    double limit_s = argc > 1 ? atof(argv[1]) : 0;
    long mib = argc > 2 ? atol(argv[2]) : 0;
    int at = 3;
    for (; at < argc && strcmp(argv[at], "--"); at++)
        putenv(argv[at]);
    if (at + 1 >= argc) {
        fputs("usage: launch SECONDS MIB [NAME=VALUE ...] -- PROGRAM [ARGUMENT ...]\n", stderr);
        return 2;
    }
    char **program = argv + at + 1;

    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    volunteer_for_oom();

    int status;
    struct rusage used;
    double began = now_s();
    pid_t pid = start(program);
    const char *killed = watch(pid, began + limit_s, mib, &status, &used);
    printf("\nwall_s %.6f\n", now_s() - began);
    printf("cpu_s %.6f\n", seconds(used.ru_utime) + seconds(used.ru_stime));
    printf("peak_mib %.3f\n", used.ru_maxrss / 1024.0);
    if (killed)
        printf("end %s\n", killed);
    else if (WIFSIGNALED(status))
        printf("end signal %d\n", WTERMSIG(status));
    else
        printf("end exit %d\n", WEXITSTATUS(status));
}
