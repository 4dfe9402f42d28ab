// jemalloc's host: its memory is private memory (never a root), its hooks into the process's life are ours to call,
// and it reads no configuration from outside. See jehost.h.
#include "heap/jehost.h"

#include "base/log.h"
#include "base/bits.h"
#include "base/meta.h"
#include "sys/syscall.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>

void *gcpre_jehost_mmap(void *hint, size_t bytes, int prot, int flags, int fd, off_t offset);
int gcpre_jehost_munmap(void *start, size_t bytes);
int gcpre_jehost_mprotect(void *start, size_t bytes, int prot);
int gcpre_jehost_madvise(void *start, size_t bytes, int advice);
void *gcpre_jehost_sbrk(intptr_t increment);
int gcpre_jehost_open(const char *path, int flags, ...);
int gcpre_jehost_creat(const char *path, mode_t mode);
int gcpre_jehost_close(int fd);
ssize_t gcpre_jehost_readlink(const char *path, char *buffer, size_t bytes);
char *gcpre_jehost_secure_getenv(const char *name);
char *gcpre_jehost_strerror_r(int error, char *buffer, size_t bytes);
void *gcpre_jehost_dlsym(void *handle, const char *name);
int gcpre_jehost_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));
int gcpre_jehost_pthread_key_create(pthread_key_t *key, void (*destructor)(void *));
int gcpre_jehost_pthread_setspecific(pthread_key_t key, const void *value);
int gcpre_jehost_pthread_create(pthread_t *thread, const void *attr, void *(*start)(void *), void *arg);
int gcpre_jehost_pthread_join(pthread_t thread, void **result);
int gcpre_jehost_sched_getaffinity(pid_t task, size_t bytes, void *set);
int gcpre_jehost_clock_gettime(clockid_t clock, struct timespec *time);
int gcpre_jehost_gettimeofday(struct timeval *time, void *zone);
int gcpre_jehost_pthread_sigmask(int how, const uint64_t *set, uint64_t *old);
long gcpre_jehost_syscall(long number, ...);
int gcpre_jehost_atexit(void (*function)(void));
_Noreturn void gcpre_jehost_abort(void);

static void (*on_fork[3])(void); // prepare, parent, child; written once while jemalloc wakes up
static void (*thread_destructor)(void *);
static __thread void *thread_value;
static size_t mapped_bytes;
static void *reserve; // while jemalloc wakes up
#define RESERVE_BYTES (8 * MIB)

static int fail(int error)
{
    errno = error;
    return -1;
}

static bool give_reserve(void)
{
    void *start = reserve;
    reserve = NULL;
    return start && sys_munmap(start, RESERVE_BYTES) == 0;
}

bool jehost_wake(int (*wake)(void))
{
    reserve = sys_mmap(NULL, RESERVE_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (sys_failed((long)reserve)) {
        reserve = NULL;
        return false;
    }
    bool done = wake() == 0;
    give_reserve();
    return done;
}

void *gcpre_jehost_mmap(void *hint, size_t bytes, int prot, int flags, int fd, off_t offset)
{
    void *start = sys_mmap(hint, bytes, prot, flags, fd, offset);
    if (sys_failed((long)start) && give_reserve())
        start = sys_mmap(hint, bytes, prot, flags, fd, offset);
    if (sys_failed((long)start)) {
        errno = (int)-(long)start;
        return MAP_FAILED;
    }
    if (!meta_own((uintptr_t)start, (uintptr_t)start + bytes)) {
        sys_munmap(start, bytes);
        errno = ENOMEM;
        return MAP_FAILED;
    }
    if (!(flags & MAP_FIXED))
        __atomic_fetch_add(&mapped_bytes, bytes, __ATOMIC_RELAXED);
    return start;
}

int gcpre_jehost_munmap(void *start, size_t bytes)
{
    if (!meta_unmap_foreign(start, bytes))
        return fail(ENOMEM);
    __atomic_fetch_sub(&mapped_bytes, bytes, __ATOMIC_RELAXED);
    return 0;
}

int gcpre_jehost_mprotect(void *start, size_t bytes, int prot)
{
    int error = sys_mprotect(start, bytes, prot);
    return error ? fail(-error) : 0;
}

int gcpre_jehost_madvise(void *start, size_t bytes, int advice)
{
    int error = sys_madvise(start, bytes, advice);
    return error ? fail(-error) : 0;
}

void *gcpre_jehost_sbrk(intptr_t increment)
{
    (void)increment;
    errno = ENOMEM; // the program's break is the program's
    return (void *)-1;
}

int gcpre_jehost_open(const char *path, int flags, ...)
{
    int fd = sys_open(path, flags, 0);
    return fd < 0 ? fail(-fd) : fd;
}

int gcpre_jehost_creat(const char *path, mode_t mode)
{
    (void)path, (void)mode;
    return fail(EACCES); // heap profiles of jemalloc's own: never
}

int gcpre_jehost_close(int fd) { return sys_close(fd); }

ssize_t gcpre_jehost_readlink(const char *path, char *buffer, size_t bytes)
{
    (void)path, (void)buffer, (void)bytes;
    return fail(ENOENT); // /etc/malloc.conf is not for us
}

char *gcpre_jehost_secure_getenv(const char *name)
{
    (void)name; // nor is MALLOC_CONF
    return NULL;
}

void *gcpre_jehost_dlsym(void *handle, const char *name)
{
    (void)handle, (void)name; // wanted for pthread_create only, and background threads are off
    return (void *)(uintptr_t)gcpre_jehost_pthread_create;
}

int gcpre_jehost_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    on_fork[0] = prepare;
    on_fork[1] = parent;
    on_fork[2] = child;
    return 0;
}

int gcpre_jehost_pthread_key_create(pthread_key_t *key, void (*destructor)(void *))
{
    *key = 0;
    thread_destructor = destructor;
    return 0;
}

int gcpre_jehost_pthread_setspecific(pthread_key_t key, const void *value)
{
    (void)key;
    thread_value = (void *)(uintptr_t)value;
    return 0;
}

int gcpre_jehost_pthread_create(pthread_t *thread, const void *attr, void *(*start)(void *), void *arg)
{
    (void)thread, (void)attr, (void)start, (void)arg;
    return EAGAIN;
}

int gcpre_jehost_pthread_join(pthread_t thread, void **result)
{
    (void)thread, (void)result;
    return ESRCH; // there are none
}

// The C library's would be our own wrappers, which look up what they wrap: that takes the loader's lock, and a thread that
// holds that lock may be waiting for one of the heap's.
static long answer(long result)
{
    if (!sys_failed(result))
        return result;
    errno = (int)-result;
    return -1;
}

int gcpre_jehost_sched_getaffinity(pid_t task, size_t bytes, void *set)
{
    long filled = sys_call3(SYS_sched_getaffinity, task, (long)bytes, (long)set);
    if (filled > 0) // the kernel fills what it has
        memset((char *)set + filled, 0, bytes - (size_t)filled);
    return (int)answer(filled < 0 ? filled : 0);
}

int gcpre_jehost_clock_gettime(clockid_t clock, struct timespec *time)
{
    return (int)answer(sys_call3(SYS_clock_gettime, clock, (long)time, 0));
}

int gcpre_jehost_gettimeofday(struct timeval *time, void *zone)
{
    return (int)answer(sys_call3(SYS_gettimeofday, (long)time, (long)zone, 0));
}

int gcpre_jehost_pthread_sigmask(int how, const uint64_t *set, uint64_t *old)
{
    return sys_sigprocmask(how, set, old) == 0 ? 0 : EINVAL;
}

long gcpre_jehost_syscall(long number, ...)
{
    long a[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    return answer(sys_call(number, a[0], a[1], a[2], a[3], a[4], a[5]));
}

int gcpre_jehost_atexit(void (*function)(void))
{
    (void)function; // statistics at exit: never
    return 0;
}

// The C library's looks for a translation, and allocates for that.
char *gcpre_jehost_strerror_r(int error, char *buffer, size_t bytes)
{
    format_text(buffer, bytes, "error %d", error);
    return buffer;
}

void gcpre_jehost_abort(void) { fatal("the private jemalloc found its own state broken"); }

size_t jehost_mapped_bytes(void) { return __atomic_load_n(&mapped_bytes, __ATOMIC_RELAXED); }

static void run(int which)
{
    if (on_fork[which])
        on_fork[which]();
}

void jehost_fork_prepare(void) { run(0); }

void jehost_fork_parent(void) { run(1); }

void jehost_fork_child(void) { run(2); }

void jehost_thread_exit(void)
{
    void *value = thread_value;
    thread_value = NULL;
    if (value && thread_destructor)
        thread_destructor(value);
}
