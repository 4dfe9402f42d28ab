// Threads in every situation that a stack is asked for in: blocked in a system call and in the C library, called back by it, in a signal's
// handler on its own stack and on another, in code of the kernel's, in a loop, in a loop that allocates, deep, hanging in a constructor's place.
#define _GNU_SOURCE 1
#include <alloca.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define FUNCTION __attribute__((noinline)) static
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static volatile long count, for_ever = 1;

FUNCTION void wait_here(int depth)
{
    if (depth) {
        wait_here(depth - 1);
        count++;  // so that it is no jump
        return;
    }
    pthread_mutex_lock(&mutex);
    while (for_ever) pthread_cond_wait(&never, &mutex);
}
FUNCTION void *in_libc(void *unused) { return wait_here(1), count++, unused; }

FUNCTION void spin(char *pad)
{
    while (for_ever) count += pad[0];
}
FUNCTION void *in_a_loop(void *unused)
{
    char *pad = alloca((size_t)(count & 7) + 100);  // so that the frame needs a frame pointer
    return spin(memset(pad, 1, 100)), count++, unused;
}

FUNCTION int compare(const void *a, const void *b)
{
    while (for_ever) pause();
    return a < b;
}
FUNCTION void *called_back(void *unused)
{
    int numbers[10] = {0};
    return qsort(numbers, 10, sizeof numbers[0], compare), count++, unused;
}

FUNCTION void handle(int number)
{
    while (for_ever) pause();
    count += number;
}
FUNCTION void *in_a_handler(void *unused)
{
    struct sigaction action = {.sa_handler = handle};
    sigaction(SIGUSR1, &action, NULL);
    return pthread_kill(pthread_self(), SIGUSR1), count++, unused;
}
FUNCTION void *on_another_stack(void *unused)
{
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    sigaltstack(&stack, NULL);
    sigaction(SIGUSR2, &action, NULL);
    return pthread_kill(pthread_self(), SIGUSR2), count++, unused;
}

FUNCTION void *in_the_vdso(void *unused)
{
    struct timespec now;
    while (for_ever) clock_gettime(CLOCK_MONOTONIC, &now);
    return unused;
}
FUNCTION void *in_malloc(void *unused)
{
    while (for_ever) {
        char *block = malloc(100 + (size_t)(count & 1023));
        if (block) *(volatile char *)block = 1;
        free(block);
    }
    return unused;
}

FUNCTION int hang(struct dl_phdr_info *info, size_t bytes, void *unused)
{
    while (for_ever) pause();
    return info && bytes && unused;
}
// Holds the loader's lock for ever.
FUNCTION void *in_the_loader(void *unused) { return dl_iterate_phdr(hang, unused), count++, unused; }

FUNCTION long deeper(int depth)
{
    volatile char pad[400] = {1};
    if (depth && for_ever) return deeper(depth - 1) + pad[0];
    pause();
    return pad[0];
}
FUNCTION void *too_deep(void *unused) { return count += deeper(5000), unused; }

int main(int argc, char **argv)
{
    void *(*const bodies[])(void *) = {in_libc, in_a_loop, called_back, in_a_handler, on_another_stack, in_the_vdso,
                                       in_malloc, too_deep, in_the_loader};
    pthread_t threads[sizeof bodies / sizeof bodies[0]];
    (void)argc, (void)argv;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) pthread_create(&threads[i], NULL, bodies[i], NULL);
    puts("ready");
    fflush(stdout);
    return getchar() == 'x';
}
