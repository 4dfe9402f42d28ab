#include "world/tasks.h"

#include "base/log.h"
#include "sys/syscall.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

// getdents64(2)'s record.
struct entry {
    uint64_t inode;
    int64_t offset;
    uint16_t bytes;
    uint8_t type;
    char name[];
};

static pid_t parse_tid(const char *name)
{
    pid_t tid = 0;
    for (; *name >= '0' && *name <= '9'; name++)
        tid = tid * 10 + (*name - '0');
    return *name ? 0 : tid;
}

bool tasks_each(void (*visit)(pid_t tid, void *arg), void *arg)
{
    char buffer[4096] __attribute__((aligned(8)));
    int fd = sys_open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    long bytes;
    if (fd < 0)
        return false;
    while ((bytes = sys_call3(SYS_getdents64, fd, (long)buffer, sizeof buffer)) > 0)
        for (long at = 0; at < bytes;) {
            const struct entry *e = (const struct entry *)(buffer + at);
            pid_t tid = parse_tid(e->name);
            if (tid)
                visit(tid, arg);
            at += e->bytes;
        }
    sys_close(fd);
    return bytes == 0;
}

long tasks_read(pid_t tid, const char *name, char *text, size_t capacity)
{
    char path[64];
    format_text(path, sizeof path, "/proc/self/task/%d/%s", tid, name);
    int fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    ssize_t bytes = sys_read(fd, text, capacity - 1);
    sys_close(fd);
    text[bytes > 0 ? bytes : 0] = 0;
    return bytes;
}

bool tasks_is_zombie(pid_t tid)
{
    char text[256];
    long bytes = tasks_read(tid, "stat", text, sizeof text);
    if (bytes <= 0)
        return bytes == -ENOENT || bytes == -ESRCH; // gone; else nobody knows
    const char *after_name = strrchr(text, ')');
    return after_name && (after_name[2] == 'Z' || after_name[2] == 'X');
}

static unsigned hex_digit(char c)
{
    return c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

bool tasks_blocks(pid_t tid, int signal)
{
    char text[2048];
    uint64_t mask = 0;
    const char *at = tasks_read(tid, "status", text, sizeof text) > 0 ? strstr(text, "SigBlk:\t") : NULL;
    for (at = at ? at + strlen("SigBlk:\t") : ""; hex_digit(*at) < 16; at++)
        mask = mask << 4 | hex_digit(*at);
    return mask & sys_sigbit(signal);
}
