#include "world/tasks.h"

#include "base/log.h"
#include "sys/syscall.h"

#include <dirent.h>
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
    static char buffer[16384] __attribute__((aligned(8)));
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

bool tasks_is_zombie(pid_t tid)
{
    char path[64], text[256];
    format_text(path, sizeof path, "/proc/self/task/%d/stat", tid);
    int fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    ssize_t bytes = fd < 0 ? fd : sys_read(fd, text, sizeof text - 1);
    if (fd < 0)
        return true; // gone
    sys_close(fd);
    if (bytes <= 0)
        return true;
    text[bytes] = 0;
    const char *after_name = strrchr(text, ')');
    return after_name && (after_name[2] == 'Z' || after_name[2] == 'X');
}
