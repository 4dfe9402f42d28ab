// The only pointers are the data words of submitted kernel AIO requests: pinned until io_getevents returns them.
// allow-stderr: AIO|aio
#include "check.h"
#include <linux/aio_abi.h>
#include <poll.h>

static aio_context_t context;
static int pipes[100][2];

static void put(size_t i, char *p)
{
    CHECK(pipe(pipes[i]) == 0);
    struct iocb request = {.aio_data = (uintptr_t)p, .aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = (unsigned)pipes[i][0], .aio_buf = POLLIN};
    struct iocb *list[] = {&request};
    CHECK(syscall(SYS_io_submit, context, 1, list) == 1);
    memset(&request, 0, sizeof request);
    __asm__ volatile("" ::"m"(request));
}

/* The ring that the kernel shares with us keeps what it delivered, and is scanned: others take those places. */
static void turn_ring(void)
{
    struct io_event event;
    for (int i = 0; i < 2000; i++) {
        struct iocb request = {.aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = (unsigned)pipes[0][0], .aio_buf = POLLIN};
        struct iocb *list[] = {&request};
        CHECK(syscall(SYS_io_submit, context, 1, list) == 1);
        CHECK(syscall(SYS_io_getevents, context, 1, 1, &event, NULL) == 1);
    }
}

static void drop(size_t i)
{
    struct io_event event;
    CHECK(write(pipes[i][1], "", 1) == 1);
    CHECK(syscall(SYS_io_getevents, context, 1, 1, &event, NULL) == 1);
    CHECK(event.data == (uintptr_t)unhide(held.at[i]), "request %zu carries another word", i);
    memset(&event, 0, sizeof event);
    __asm__ volatile("" ::"m"(event));
    if (i == COUNT(pipes) - 1) turn_ring();
}

int main(void)
{
    if (syscall(SYS_io_setup, 128, &context) != 0) skip("no kernel AIO here");
    hazard_may_pause(COUNT(pipes), 64, put, drop);
}
