// Threads that the C library starts by itself, with every signal blocked: SIGEV_THREAD timers, getaddrinfo_a, aio_read.
// They are stopped like others, and as long as they live cycles go on reclaiming.
// allow-stderr: mprotect given up .*block.? every signal
// libs: -lrt -lanl
#include "check.h"
#include <aio.h>
#include <netdb.h>

static struct herd later;  // lost while the timers' helper thread is there
static int inside, go, timer_block_fine;

static void on_timer(union sigval value)
{
    (void)value;
    char *volatile block = herd_add(&held, (char *)malloc(90), 90);
    SET(inside, 1);
    while (!GET(go)) usleep(1000);
    SET(timer_block_fine, is_allocated(hide(block)) && is_whole(hide(block), 90));
    block = NULL;
    clear_stack();
}

static void timer_thread(void)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_timer};
    struct itimerspec soon = {.it_value.tv_nsec = 1};
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &soon, NULL) == 0);
    WAIT_UNTIL(GET(inside));
    drop_and_collect();
    herd_check_whole(&held);
    SET(go, 1);
    WAIT_UNTIL(GET(timer_block_fine));
    CHECK(timer_delete(timer) == 0);
}

static void resolver_threads(void)
{
    static const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
    for (int round = 0; round < 30; round++) {
        struct gaicb *requests[8];
        for (int i = 0; i < 8; i++) {
            requests[i] = (struct gaicb *)calloc(1, sizeof **requests);
            requests[i]->ar_name = strdup("127.0.0.1");
            requests[i]->ar_request = &hints;
        }
        CHECK(getaddrinfo_a(GAI_NOWAIT, requests, 8, NULL) == 0);
        for (int i = 0; i < 8; i++) {
            int error;
            while ((error = gai_error(requests[i])) == EAI_INPROGRESS) gai_suspend((const struct gaicb *const *)&requests[i], 1, NULL);
            CHECK(error == 0, "%s", gai_strerror(error));
            freeaddrinfo(requests[i]->ar_result);
            free((void *)requests[i]->ar_name), free(requests[i]);
        }
    }
}

static void aio_threads(void)
{
    static char data[5000];
    int fd = open("file", O_RDWR | O_CREAT, 0600);
    memset(data, 'z', sizeof data);
    CHECK(write(fd, data, sizeof data) == sizeof data);
    for (int round = 0; round < 100; round++) {
        struct aiocb *request = (struct aiocb *)calloc(1, sizeof *request);
        *request = (struct aiocb){.aio_fildes = fd, .aio_buf = malloc(sizeof data), .aio_nbytes = sizeof data};
        CHECK(aio_read(request) == 0);
        while (aio_error(request) == EINPROGRESS) aio_suspend((const struct aiocb *const *)&request, 1, NULL);
        CHECK(aio_return(request) == sizeof data && memcmp((void *)request->aio_buf, data, sizeof data) == 0, "round %d", round);
        free((void *)request->aio_buf), free(request);
    }
}

int main(void)
{
    herd_lose(&lost, 1000, RARE_SIZE);
    drop_and_collect();
    herd_check_gone(&lost);
    timer_thread();
    herd_lose(&later, 1000, RARE_SIZE);
    drop_and_collect();
    herd_check_gone(&later);
    collector_start();
    resolver_threads();
    aio_threads();
    collector_stop();
}
