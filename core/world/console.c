#include "world/console.h"

#include "base/log.h"
#include "sys/syscall.h"
#include "world/tasks.h"
#include "world/thread.h"

#include <unistd.h>

enum { PIDFD_THREAD_FLAG = O_EXCL }; // Linux 6.9

// Of that thread's table: its own descriptor, or where that one cannot be had, its file opened anew.
static int stderr_of(pid_t tid, int flags)
{
    char path[64];
    int pidfd = (int)sys_call3(SYS_pidfd_open, tid, flags, 0);
    int fd = pidfd < 0 ? -1 : (int)sys_call3(SYS_pidfd_getfd, pidfd, STDERR_FILENO, 0);
    if (pidfd >= 0)
        sys_close(pidfd);
    format_text(path, sizeof path, "/proc/self/task/%d/fd/2", tid);
    return fd >= 0 ? fd : sys_open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC, 0);
}

// When main has ended by pthread_exit the process has no table: any other thread's, but not ours: their descriptor 2
// is another file.
static void look_in_task(pid_t tid, void *found)
{
    int *fd = found;
    if (*fd < 0 && !thread_is_own(tid))
        *fd = stderr_of(tid, PIDFD_THREAD_FLAG);
}

void console_write(const char *line, size_t bytes)
{
    int fd = stderr_of(sys_getpid(), 0);
    if (fd < 0)
        tasks_each(look_in_task, &fd);
    if (fd >= 0) {
        sys_write(fd, line, bytes);
        sys_close(fd);
    }
}
