// What epoll_wait hands back after several cycles is the block that only the kernel knew.
#include "check.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

static int epoll;

NOINLINE static void add(struct herd *herd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = herd_add(herd, (char *)malloc(80), 80)};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, eventfd(1, 0), &event) == 0);
}

int main(void)
{
    epoll = epoll_create1(0);
    for (int i = 0; i < 100; i++) add(&held);
    herd_lose(&lost, 1000, 80);
    drop_and_collect();
    herd_check_gone(&lost);
    for (int i = 0; i < 100; i++) {
        struct epoll_event event;
        CHECK(epoll_wait(epoll, &event, 1, 0) == 1);
        CHECK(is_allocated(hide(event.data.ptr)) && is_whole(hide(event.data.ptr), 80));
        free(event.data.ptr);
    }
}
