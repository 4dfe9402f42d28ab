// A thread of the C library's own that never allocates may free something at its very end, when nothing tells of the end any more: the
// tables of stacks that the C library has kept for too long. The registry must not keep it, whose own stack is unmapped by the next ones.
// allow-stderr: mprotect given up .*block.? every signal
// libs: -lrt
// env: GCPRE_STRESS=0
#include "check.h"

#include <aio.h>

enum { ROUNDS = 30, STACKS = 8, STACK_BYTES = (8 << 20) - 4096 }; // with its guard page 8 MiB: the C library keeps 40

static pthread_barrier_t all;
static char *volatile kept;

static void *wait_for_all(void *unused)
{
    pthread_barrier_wait(&all);
    return unused;
}

static void fill_stack_cache(void)
{
    pthread_t threads[STACKS];
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    for (size_t i = 0; i < STACKS; i++) CHECK(pthread_create(&threads[i], &attr, wait_for_all, NULL) == 0);
    for (size_t i = 0; i < STACKS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

// A thread of the C library's reads, while others take the kept stacks and give back more than are kept: so it has to free some at its end.
static void read_one_byte(void)
{
    char byte = 0;
    int ends[2];
    CHECK(pipe(ends) == 0);
    struct aiocb request = {.aio_fildes = ends[0], .aio_buf = &byte, .aio_nbytes = 1};
    const struct aiocb *requests[] = {&request};
    CHECK(aio_read(&request) == 0);
    fill_stack_cache();
    CHECK(write(ends[1], "x", 1) == 1);
    while (aio_error(&request) == EINPROGRESS) aio_suspend(requests, 1, NULL);
    CHECK(aio_return(&request) == 1 && byte == 'x');
    close(ends[0]), close(ends[1]);
}

static int count_tasks(void)
{
    return (int)status_of("Threads:");
}

int main(void)
{
    static const struct aioinit at_once = {.aio_threads = 4, .aio_num = 4, .aio_idle_time = 0};
    kept = branded((char *)malloc(100), 100);
    aio_init(&at_once);
    pthread_barrier_init(&all, NULL, STACKS);
    fill_stack_cache();
    drop_and_collect();
    int before = count_tasks();
    for (int round = 0; round < ROUNDS; round++) {
        fill_stack_cache();
        read_one_byte();
        WAIT_UNTIL(count_tasks() <= before); // its thread has ended
        fill_stack_cache();                  // and its stack is unmapped
        CHECK(is_allocated(hide(kept)));
        drop_and_collect();
    }
    CHECK(is_whole(hide(kept), 100));
}
