// Raw Linux x86-64 system calls.
//
// Why not libc's: these run inside malloc, inside signal handlers, while the world is stopped, and before libc is
// initialised; they must neither touch errno, nor be a cancellation point, nor go through a symbol that somebody
// interposes (ourselves included). Every function here returns the kernel's value: >= 0, or -errno.
#pragma once

#if !defined(__linux__) || !defined(__x86_64__)
#error "libgcpre knows Linux on x86-64 only: core/sys needs a port"
#endif

#include "sys/fault.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>

// The instruction itself.
static inline long sys_call_plain(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static inline long sys_call(long number, long a, long b, long c, long d, long e, long f)
{
    long fault = sys_fault(number);
    return fault ? fault : sys_call_plain(number, a, b, c, d, e, f);
}

static inline long sys_call3(long number, long a, long b, long c)
{
    return sys_call(number, a, b, c, 0, 0, 0);
}

// An error is a value in [-4095, -1]; everything else, addresses included, is a success.
static inline int sys_failed(long result) { return (unsigned long)result > -4096UL; }

static inline void *sys_mmap(void *hint, size_t bytes, int prot, int flags, int fd, off_t offset)
{
    return (void *)sys_call(SYS_mmap, (long)hint, (long)bytes, prot, flags, fd, offset);
}

static inline int sys_munmap(void *start, size_t bytes)
{
    return (int)sys_call3(SYS_munmap, (long)start, (long)bytes, 0);
}

static inline int sys_mprotect(void *start, size_t bytes, int prot)
{
    return (int)sys_call3(SYS_mprotect, (long)start, (long)bytes, prot);
}

static inline int sys_madvise(void *start, size_t bytes, int advice)
{
    return (int)sys_call3(SYS_madvise, (long)start, (long)bytes, advice);
}

static inline pid_t sys_gettid(void) { return (pid_t)sys_call3(SYS_gettid, 0, 0, 0); }

static inline pid_t sys_getpid(void) { return (pid_t)sys_call3(SYS_getpid, 0, 0, 0); }

static inline int sys_tgkill(pid_t pid, pid_t tid, int signal)
{
    return (int)sys_call3(SYS_tgkill, pid, tid, signal);
}

static inline int sys_open(const char *path, int flags, mode_t mode)
{
    return (int)sys_call(SYS_openat, AT_FDCWD, (long)path, flags, mode, 0, 0);
}

static inline int sys_close(int fd) { return (int)sys_call3(SYS_close, fd, 0, 0); }

static inline ssize_t sys_read(int fd, void *buffer, size_t bytes)
{
    return sys_call3(SYS_read, fd, (long)buffer, (long)bytes);
}

static inline ssize_t sys_pread(int fd, void *buffer, size_t bytes, uint64_t offset)
{
    return sys_call(SYS_pread64, fd, (long)buffer, (long)bytes, (long)offset, 0, 0);
}

static inline ssize_t sys_write(int fd, const void *buffer, size_t bytes)
{
    return sys_call3(SYS_write, fd, (long)buffer, (long)bytes);
}

static inline int sys_ioctl(int fd, unsigned long request, void *argument)
{
    return (int)sys_call3(SYS_ioctl, fd, (long)request, (long)argument);
}

static inline int sys_sigaction(int signal, const void *action, void *old)
{
    return (int)sys_call(SYS_rt_sigaction, signal, (long)action, (long)old, 8, 0, 0);
}

// Signal sets are the kernel's 64-bit words: bit n-1 is signal n.
static inline int sys_sigprocmask(int how, const uint64_t *set, uint64_t *old)
{
    return (int)sys_call(SYS_rt_sigprocmask, how, (long)set, (long)old, 8, 0, 0);
}

static inline uint64_t sys_sigpending(void)
{
    uint64_t set = 0;
    sys_call3(SYS_rt_sigpending, (long)&set, 8, 0);
    return set;
}

static inline uint64_t sys_sigbit(int signal) { return 1UL << (signal - 1); }

// Sleeps while *word == expected; returns 0 when woken, -EAGAIN, -EINTR or -ETIMEDOUT. timeout is relative, or NULL.
static inline int sys_futex_wait(const _Atomic uint32_t *word, uint32_t expected,
                                 const struct timespec *timeout)
{
    return (int)sys_call(SYS_futex, (long)word, FUTEX_WAIT_PRIVATE, expected, (long)timeout, 0, 0);
}

static inline void sys_futex_wake(const _Atomic uint32_t *word, int count)
{
    sys_call3(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, count);
}

// The same for a waiter that wakers can choose by its bits, and waking those of `bits`.
static inline void sys_futex_wait_bits(const _Atomic uint32_t *word, uint32_t expected, uint32_t bits)
{
    sys_call(SYS_futex, (long)word, FUTEX_WAIT_BITSET_PRIVATE, expected, 0, 0, bits);
}

static inline void sys_futex_wake_bits(const _Atomic uint32_t *word, int count, uint32_t bits)
{
    sys_call(SYS_futex, (long)word, FUTEX_WAKE_BITSET_PRIVATE, count, 0, 0, bits);
}

static inline _Noreturn void sys_exit_group(int status)
{
    for (;;)
        sys_call3(SYS_exit_group, status, 0, 0);
}
