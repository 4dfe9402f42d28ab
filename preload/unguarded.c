// Stores that page protection cannot see, or must not meet: before the first of them that back-end is given up (SOUNDNESS S34,
// S42). The others are not concerned: userfaultfd's pages are written by whoever may.
//
// Served by threads of the C library that block every signal: a fault of theirs would be the end of the process. These are POSIX's
// asynchronous requests and getaddrinfo_a; timers and queues that notify by SIGEV_THREAD are in pins.c.
//
// Written through /proc/self/mem: the kernel does so in read-only pages too (FOLL_FORCE), without a fault.
//
// Known gap. The file by another name (a relative path, a link), or opened by a process that passes it on.
#include "real.h"

#include "sys/syscall.h"
#include "world/barrier.h"

#include <fcntl.h>
#include <string.h>

typedef long any_function(long a, long b, long c, long d, long e, long f);

static void before_served(void)
{
    barrier_give_up_mprotect("threads of the C library that block every signal serve its requests");
}

// /proc/self/mem, /proc/PID/task/TID/mem, ...: of this process, not of one that it debugs.
static bool is_own_memory(const char *path)
{
    const char *end = path + strlen(path);
    unsigned long pid;
    if (strncmp(path, "/proc/", 6) != 0 || end - path < 10 || strcmp(end - 4, "/mem") != 0)
        return false;
    path += 6;
    if (strncmp(path, "self/", 5) == 0 || strncmp(path, "thread-self/", 12) == 0)
        return true;
    for (pid = 0; *path >= '0' && *path <= '9'; path++)
        pid = pid * 10 + (unsigned long)(*path - '0');
    return *path == '/' && pid == (unsigned long)sys_getpid();
}

static void before_open(const char *path, long flags)
{
    if ((flags & O_ACCMODE) != O_RDONLY && path && is_own_memory(path))
        barrier_give_up_mprotect("the program writes memory through /proc");
}

// All of them take integers and pointers only, at most four: arguments pass through registers untouched.
#define FORWARD(name, before)                                                     \
    any_function interposed_##name __asm__(#name);                                \
    EXPORT long interposed_##name(long a, long b, long c, long d, long e, long f) \
    {                                                                             \
        static void *_Atomic cache;                                               \
        any_function *real = (any_function *)real_symbol(&cache, #name);          \
        before;                                                                   \
        return real(a, b, c, d, e, f);                                            \
    }

FORWARD(aio_read, before_served())
FORWARD(aio_read64, before_served())
FORWARD(aio_write, before_served())
FORWARD(aio_write64, before_served())
FORWARD(aio_fsync, before_served())
FORWARD(aio_fsync64, before_served())
FORWARD(lio_listio, before_served())
FORWARD(lio_listio64, before_served())
FORWARD(getaddrinfo_a, before_served())

FORWARD(open, before_open((const char *)a, b))
FORWARD(open64, before_open((const char *)a, b))
FORWARD(__open, before_open((const char *)a, b))
FORWARD(__open64, before_open((const char *)a, b))
FORWARD(__open_2, before_open((const char *)a, b))
FORWARD(__open64_2, before_open((const char *)a, b))
FORWARD(openat, before_open((const char *)b, c))
FORWARD(openat64, before_open((const char *)b, c))
FORWARD(__openat_2, before_open((const char *)b, c))
FORWARD(__openat64_2, before_open((const char *)b, c))
