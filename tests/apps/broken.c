// Stand-in libraries for selftest: each is wrong, or silent, in one way. -DFAULT=NAME chooses the constructor.
// cflags: -DFAULT=healthy
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// What a healthy library does as far as the driver can see: a cycle in the trace.
static void trace(const char *line)
{
    char path[4096];
    const char *log = getenv("GCPRE_LOG"), *percent = log ? strstr(log, "%p") : NULL;
    if (!percent)
        return;
    snprintf(path, sizeof path, "%.*s%d", (int)(percent - log), log, getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dprintf(fd, "%s\n", line);
    close(fd);
}

static void healthy(void) { trace("gc 1 @0.001s 0%: stand-in"); }
static void silent(void) { }
static void changes_output(void) { healthy(); dprintf(STDOUT_FILENO, "a line that nobody asked for\n"); }
static void changes_status(void) { healthy(); _exit(23); }
static void complains(void) { healthy(); dprintf(STDERR_FILENO, "gcpre: stand-in: passive\n"); }
static void logs_complaint(void) { healthy(); trace("gcpre: stand-in: a block came back"); }
static void crashes(void) { healthy(); abort(); }
static void hangs(void) { healthy(); for (;;) pause(); }

static void leaves_process(void)
{
    healthy();
    if (fork())
        return;
    setsid();
    for (int fd = 0; fd < 3; fd++)
        dup2(open("/dev/null", O_RDWR), fd);
    for (;;)
        pause();
}

__attribute__((constructor)) static void boot(void) { FAULT(); }

// All of them are used, as far as the compiler need know.
void (*const faults[])(void) = { healthy, silent, changes_output, changes_status, complains, logs_complaint, crashes, hangs, leaves_process };
