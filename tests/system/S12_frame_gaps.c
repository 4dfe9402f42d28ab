// What a thread's stack held long ago is no register: the kernel leaves it in the gaps of the frame that it builds for the stop signal (with
// AVX-512 and without MPX, between the upper halves of ymm15 and the mask registers).
// needs-library: yes
#include "check.h"
#include <linux/futex.h>

enum { FEW = 8, DEAD_BYTES = 12000 };
static struct herd few;
static int ready, go;

NOINLINE static void leave_words_below(void)
{
    char *volatile dead[DEAD_BYTES / sizeof(char *)];
    char *blocks[FEW];
    for (size_t i = 0; i < FEW; i++) blocks[i] = herd_add(&few, (char *)malloc(200), 200);
    for (size_t i = 0; i < COUNT(dead); i++) dead[i] = blocks[i % FEW];
    __asm__ volatile("" ::"r"(dead) : "memory");
    for (size_t i = 0; i < FEW; i++) blocks[i] = NULL;
    __asm__ volatile("" ::"r"(blocks) : "memory");
}

// Further down than the red zone, which counts as in use.
NOINLINE static void leave_words_far_below(void)
{
    volatile char between[512];
    for (size_t i = 0; i < sizeof between; i++) between[i] = 0;
    leave_words_below();
    for (size_t i = 0; i < sizeof between; i++) between[i] = 0;
}

// Nothing but a system call from here on: no frame of the C library's covers the words.
static void *sleep_above(void *unused)
{
    leave_words_far_below();
    SET(ready, 1);
    while (!GET(go)) syscall(SYS_futex, &go, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    return unused;
}

int main(void)
{
    syscall(SYS_futex, &go, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0); // its name is resolved: the loader saves registers on the stack, too
    pthread_t thread = start(sleep_above, NULL);
    WAIT_UNTIL(GET(ready));
    drop_and_collect();
    size_t left = 0;
    for (size_t i = 0; i < FEW; i++) left += is_allocated(few.at[i]);
    SET(go, 1);
    syscall(SYS_futex, &go, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    join(thread);
    CHECK(left <= 1, "%zu of %d lost blocks are held by a dead part of a stack", left, FEW);
}
