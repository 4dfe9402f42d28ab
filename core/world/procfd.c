#include "world/procfd.h"

#include "sys/syscall.h"

#include <sched.h>
#include <unistd.h>

static int pagemap = -1, maps = -1, memory = -1;

enum { CLOSE_RANGE_UNSHARE_FLAG = 2 };

// Two calls when one descriptor stays; the second finds the table unshared.
static bool leave_table(bool keep_stderr)
{
    long first = keep_stderr ? STDERR_FILENO + 1 : 0;
    if (sys_call3(SYS_close_range, first, ~0u, CLOSE_RANGE_UNSHARE_FLAG) == 0) {
        if (keep_stderr)
            sys_call3(SYS_close_range, 0, STDERR_FILENO - 1, 0);
        return true;
    }
    if (sys_call3(SYS_unshare, CLONE_FILES, 0, 0) != 0)
        return false;
    for (int fd = 0; fd < 65536;
         fd++) // an old kernel: our copies of the program's descriptors must not live on
        if (!keep_stderr || fd != STDERR_FILENO)
            sys_close(fd);
    return true;
}

bool procfd_open(bool keep_stderr)
{
    if (!leave_table(keep_stderr))
        return false;
    // Not /proc/self: its memory is out of reach when main has ended by pthread_exit.
    pagemap = sys_open("/proc/thread-self/pagemap", O_RDONLY | O_CLOEXEC, 0);
    maps = sys_open("/proc/thread-self/maps", O_RDONLY | O_CLOEXEC, 0);
    memory = sys_open("/proc/thread-self/mem", O_RDONLY | O_CLOEXEC, 0);
    return pagemap >= 0 && maps >= 0 && memory >= 0;
}

int procfd_pagemap(void) { return pagemap; }

int procfd_maps(void) { return maps; }

size_t procfd_read_memory(uintptr_t from, void *to, size_t bytes)
{
    size_t done = 0;
    while (done < bytes) {
        ssize_t got = sys_pread(memory, (char *)to + done, bytes - done, from + done);
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return done;
}
