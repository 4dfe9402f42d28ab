// Threads that block every signal, or wait with every signal blocked, are stopped and scanned like any other.
#include "check.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

static sigset_t everything;
static int ready, go, ends[2];

static void spin(void) { while (!GET(go)) __asm__ volatile("pause"); }
static void in_poll(void) { struct pollfd p = {.fd = ends[0], .events = POLLIN}; while (!GET(go)) ppoll(&p, 1, NULL, &everything); }
static void in_select(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    while (!GET(go)) pselect(ends[0] + 1, &set, NULL, NULL, NULL, &everything);
}
static void in_epoll(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event) == 0);
    while (!GET(go)) epoll_pwait(epoll, &event, 1, -1, &everything);
}
static void in_suspend(void)
{
    sigset_t all_but_one = everything;
    sigdelset(&all_but_one, SIGUSR1);
    while (!GET(go)) sigsuspend(&all_but_one);
}
static void (*const waits[])(void) = {spin, in_poll, in_select, in_epoll, in_suspend};

static void *body(void *index)
{
    if ((size_t)index % 2) pthread_sigmask(SIG_SETMASK, &everything, NULL);
    else sigprocmask(SIG_BLOCK, &everything, NULL);
    char *volatile block = herd_add(&held, (char *)malloc(90), 90);
    ADD(ready, 1);
    waits[(size_t)index]();
    CHECK(is_whole(hide(block), 90));
    block = NULL;
    clear_stack();  // the C library keeps the stacks of ended threads
    return NULL;
}
static void on_user(int signal) { (void)signal; }

int main(void)
{
    pthread_t threads[COUNT(waits)];
    signal(SIGUSR1, on_user);
    sigfillset(&everything);
    CHECK(pipe(ends) == 0);
    for (size_t i = 0; i < COUNT(waits); i++) {
        threads[i] = start(body, (void *)i);
        WAIT_UNTIL(GET(ready) == (int)i + 1);
    }
    herd_lose(&lost, 1000, 90);
    drop_and_collect();
    herd_check_whole(&held);
    herd_check_gone(&lost);
    SET(go, 1);
    CHECK(write(ends[1], "", 1) == 1);
    pthread_kill(threads[COUNT(waits) - 1], SIGUSR1);
    for (size_t i = 0; i < COUNT(waits); i++) join(threads[i]);
    drop_and_collect();
    herd_check_gone(&held);
}
