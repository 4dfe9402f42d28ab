// The only pointers are epoll_event.data.ptr in the kernel: pinned, until the registration goes in any of four ways.
// args: del
// args: mod
// args: close_target
// args: close_epoll
// args: close_duplicate
#include "check.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

static const char *way;
static int epoll, duplicate, targets[200];

static void put(size_t i, char *p)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = p};
    targets[i] = eventfd(1, 0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, targets[i], &event) == 0);
    event.data.ptr = NULL;
    __asm__ volatile("" ::"m"(event));
}

static void drop(size_t i)
{
    struct epoll_event event = {.events = EPOLLIN};
    if (strcmp(way, "del") == 0) CHECK(epoll_ctl(epoll, EPOLL_CTL_DEL, targets[i], NULL) == 0);
    if (strcmp(way, "mod") == 0) CHECK(epoll_ctl(epoll, EPOLL_CTL_MOD, targets[i], &event) == 0);
    if (strcmp(way, "close_target") == 0) CHECK(close(targets[i]) == 0);
    if (strcmp(way, "close_epoll") == 0 && i == 0) CHECK(close(epoll) == 0);
    if (strcmp(way, "close_duplicate") == 0 && i == 0) CHECK(close(duplicate) == 0);
}

int main(int argc, char **argv)
{
    way = argv[argc - 1];
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (strcmp(way, "close_duplicate") == 0) {  // the registrations outlive the first descriptor
        hazard_fill(COUNT(targets), 64, put);
        duplicate = dup(epoll);
        close(epoll);
        drop_and_collect();
        herd_check_whole(&held);
        herd_check_gone(&lost);
        hazard_drop(COUNT(targets), drop);
        drop_and_collect();
        herd_check_gone(&held);
    } else {
        hazard(COUNT(targets), 64, put, drop);
    }
}
