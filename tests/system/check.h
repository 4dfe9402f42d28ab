/* check.h: what every system test needs.
 *
 * A test of a hazard must prove two things, or it proves nothing: what is reachable only through the hazard stays,
 * and what is truly lost goes. So:
 *   herd      blocks of which the test itself remembers only hidden (inverted) addresses;
 *   hazard()  gives the only pointers to a herd to put(), collects, finds every block whole, has lost another herd
 *             meanwhile and finds that one gone; then takes the pointers away by drop() and finds the first gone too.
 * A conservative collector may keep a few blocks for stale words: of a thousand lost blocks 950 must go. A lost block's
 * place may be taken by a later one of its size, which then counts as "not gone": so lose last, or lose blocks of a size
 * that nothing else has (RARE_SIZE).
 *
 * Without the library every program runs as well, only the collecting is left out (tests/system/run --plain).
 */
#ifndef CHECK_H
#define CHECK_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "../../preload/gcpre.h"

#define HELPER __attribute__((unused)) static
#define NOINLINE __attribute__((noinline))
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define GET(variable) __atomic_load_n(&(variable), __ATOMIC_SEQ_CST)
#define SET(variable, value) __atomic_store_n(&(variable), (value), __ATOMIC_SEQ_CST)
#define ADD(variable, value) __atomic_add_fetch(&(variable), (value), __ATOMIC_SEQ_CST)

/* ---- Asserting: the first failure ends the test with file, line and errno. ---- */

#define CHECK(cond, ...)                                                                                               \
    do {                                                                                                               \
        if (!(cond)) check_failed(__FILE__, __LINE__, #cond, "" __VA_ARGS__);                                          \
    } while (0)

__attribute__((noreturn, cold, format(printf, 4, 5))) HELPER
void check_failed(const char *file, int line, const char *cond, const char *format, ...)
{
    int error = errno;
    char text[300] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    dprintf(2, "%s:%d: CHECK(%s) failed (errno %d) %s\n", file, line, cond, error, text);
    _exit(1);
}

__attribute__((noreturn)) HELPER void skip(const char *why)
{
    dprintf(1, "%s\n", why);
    _exit(77);
}

/* Waits for a condition that other threads bring about. */
#define WAIT_UNTIL(cond)                                                                                               \
    for (time_t deadline_ = time(NULL) + 40; !(cond); usleep(50)) CHECK(time(NULL) < deadline_, "never came true")

/* ---- Hiding pointers, and collecting ---- */

typedef uintptr_t hidden;
static inline hidden hide(const void *p) { return ~(uintptr_t)p; }
static inline char *unhide(hidden h) { return (char *)~h; }

/* Overwrites the dead stack below the caller, and the registers that calls may destroy. */
NOINLINE HELPER void clear_stack(void)
{
    volatile char dead[48 << 10];
    for (size_t i = 0; i < sizeof dead; i++) dead[i] = 0;
    if (__builtin_cpu_supports("avx512f"))
        __asm__ volatile(".irp r,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n\tvpxorq %%zmm\\r,%%zmm\\r,%%zmm\\r\n\t.endr" ::);
    if (__builtin_cpu_supports("avx")) __asm__ volatile("vzeroall" ::: "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                                                        "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    __asm__ volatile("xor %%eax,%%eax; xor %%ecx,%%ecx; xor %%edx,%%edx; xor %%esi,%%esi; xor %%edi,%%edi;"
                     "xor %%r8d,%%r8d; xor %%r9d,%%r9d; xor %%r10d,%%r10d; xor %%r11d,%%r11d"
                     ::: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
}

HELPER void collect(void)
{
    if (gcpre_available()) gcpre_collect();
}

/* As many cycles as a lost block may need until its memory is free. */
NOINLINE HELPER void drop_and_collect(void)
{
    for (int cycle = 0; cycle < 3; cycle++) {
        clear_stack();
        collect();
    }
}

/* ---- Herds ---- */

enum { RARE_SIZE = 3333 };

struct herd {
    size_t count, size;
    hidden at[2048];
};

/* A byte that depends on the address and never forms a user-space pointer. */
static inline char brand(const char *p) { return (char)(0x80 | ((uintptr_t)p >> 4) % 127); }

static inline char *branded(char *p, size_t size)
{
    CHECK(p != NULL);
    return (char *)memset(p, brand(p), size);
}

NOINLINE HELPER bool is_whole(hidden h, size_t size)
{
    const char *p = unhide(h);
    for (size_t i = 0; i < size; i++)
        if (p[i] != brand(p)) return false;
    return true;
}

NOINLINE HELPER bool is_allocated(hidden h) { return !gcpre_available() || gcpre_is_heap(unhide(h)); }

/* Adds a block and returns the only plain pointer to it. */
NOINLINE HELPER char *herd_add(struct herd *herd, char *block, size_t size)
{
    CHECK(herd->count < COUNT(herd->at));
    herd->size = size;
    herd->at[herd->count++] = hide(branded(block, size));
    return block;
}

NOINLINE HELPER void herd_lose(struct herd *herd, size_t count, size_t size)
{
    for (size_t i = 0; i < count; i++) herd_add(herd, (char *)malloc(size), size);
}

HELPER void herd_check_whole(const struct herd *herd)
{
    for (size_t i = 0; i < herd->count; i++) {
        CHECK(is_allocated(herd->at[i]), "block %zu of %zu (%p) was reclaimed", i, herd->count, (void *)unhide(herd->at[i]));
        CHECK(is_whole(herd->at[i], herd->size), "block %zu of %zu (%p) was overwritten", i, herd->count, (void *)unhide(herd->at[i]));
    }
}

HELPER void herd_check_gone(const struct herd *herd)
{
    if (!gcpre_available()) return;
    size_t left = 0;
    for (size_t i = 0; i < herd->count; i++) left += is_allocated(herd->at[i]);
    CHECK(left <= herd->count / 10 + 2, "%zu of %zu lost blocks are still allocated", left, herd->count);
}

/* ---- The hazard test ---- */

static __attribute__((unused)) struct herd held, lost;

typedef void put_function(size_t i, char *block);
typedef void drop_function(size_t i);

NOINLINE HELPER void hazard_fill(size_t count, size_t size, put_function *put)
{
    CHECK(count >= 8, "too few to tell");
    held.count = lost.count = 0;
    for (size_t i = 0; i < count; i++) put(i, herd_add(&held, (char *)malloc(size), size));
    herd_lose(&lost, size > RARE_SIZE ? 200 : 2000, size);
}

NOINLINE HELPER void hazard_drop(size_t count, drop_function *drop)
{
    for (size_t i = 0; i < count; i++) drop(i);
}

HELPER void hazard(size_t count, size_t size, put_function *put, drop_function *drop)
{
    hazard_fill(count, size, put);
    drop_and_collect();
    herd_check_whole(&held);
    herd_check_gone(&lost);
    hazard_drop(count, drop);
    drop_and_collect();
    herd_check_gone(&held);
}

/* The plainest place for pointers: a global table. */
static __attribute__((unused)) char *volatile slots[1024];
HELPER void put_slot(size_t i, char *p) { slots[i] = p; }
HELPER void drop_slot(size_t i) { slots[i] = NULL; }

/* The same where a cycle may reclaim nothing as long as the hazard stands. */
HELPER void hazard_may_pause(size_t count, size_t size, put_function *put, drop_function *drop)
{
    hazard_fill(count, size, put);
    drop_and_collect();
    herd_check_whole(&held);
    hazard_drop(count, drop);
    drop_and_collect();
    herd_check_gone(&lost);
    herd_check_gone(&held);
}

/* ---- Threads and processes ---- */

HELPER pthread_t start(void *(*body)(void *), void *arg)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, body, arg);
    CHECK(error == 0, "pthread_create: %s", strerror(error));
    return thread;
}

HELPER void *join(pthread_t thread)
{
    void *result;
    CHECK(pthread_join(thread, &result) == 0);
    return result;
}

HELPER void expect_child(pid_t pid, int wanted)
{
    int status = 0;
    CHECK(pid > 0);
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(status == wanted, "child ended with wait status %#x", status);
}

/* A thread that collects without pause between collector_start and collector_stop. That it did collect, and did not take
 * too much, is proved by a herd that is lost at the start and one that is kept by a global table until the end. */
static __attribute__((unused)) struct {
    pthread_t thread;
    unsigned cycles;
    bool stop;
    char *volatile table[100];
    struct herd kept, lost;
} collector;

HELPER void *collector_body(void *unused)
{
    while (!GET(collector.stop)) {
        collect();
        ADD(collector.cycles, 1);
        if (!gcpre_available()) usleep(200);
    }
    return unused;
}

NOINLINE HELPER void collector_start(void)
{
    collector.kept.count = collector.lost.count = 0;
    herd_lose(&collector.lost, 500, RARE_SIZE);
    for (size_t i = 0; i < COUNT(collector.table); i++) collector.table[i] = herd_add(&collector.kept, (char *)malloc(72), 72);
    SET(collector.stop, false);
    collector.thread = start(collector_body, NULL);
}

/* For where a cycle may reclaim nothing. */
HELPER void collector_stop_kept(void)
{
    SET(collector.stop, true);
    join(collector.thread);
    drop_and_collect();
    herd_check_whole(&collector.kept);
    for (size_t i = 0; i < COUNT(collector.table); i++) collector.table[i] = NULL;
}

HELPER void collector_stop(void)
{
    collector_stop_kept();
    herd_check_gone(&collector.lost);
}

HELPER void wait_for_cycles(unsigned count)
{
    unsigned goal = GET(collector.cycles) + count;
    WAIT_UNTIL((int)(GET(collector.cycles) - goal) >= 0);
}

/* A number from /proc/self/status, e.g. "VmRSS:" (in kB); uses no heap. */
/* Threads of this process that are not the library's. */
HELPER long threads_of_ours(void)
{
    long count = 0;
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks);
    for (struct dirent *task; (task = readdir(tasks));) {
        char path[300], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        int fd = task->d_name[0] == '.' ? -1 : open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) continue;
        count += read(fd, name, sizeof name - 1) > 0 && strcmp(name, "gcpre\n") != 0;
        close(fd);
    }
    closedir(tasks);
    return count;
}

HELPER long status_of(const char *field)
{
    char text[8192];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    CHECK(length > 0);
    text[length] = 0;
    const char *found = strstr(text, field);
    CHECK(found != NULL, "%s", field);
    return strtol(found + strlen(field), NULL, 10);
}
#endif
