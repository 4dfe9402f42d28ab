// A connection is freed, but not taken out of the epoll set: the kernel alone has its address, and gives it back with the next event.
#include "uaf.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

struct connection {
    int descriptor;
    char peer[100];
};

NOINLINE static void open_and_close(struct scene *s, int set, int descriptor)
{
    struct connection *c = (struct connection *)watch(s, take_plainly(sizeof(struct connection)));
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = c}};
    c->descriptor = descriptor;
    CHECK(epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event) == 0);
    free(c);
    event.data.ptr = NULL;
}

static bool scene(struct scene *s)
{
    const struct connection forged = {-1, "attacker"};
    int set = epoll_create1(0), descriptor = eventfd(0, 0);
    struct epoll_event event;
    CHECK(set >= 0 && descriptor >= 0);
    begin(s, sizeof forged, take_plainly);
    open_and_close(s, set, descriptor);
    clear_stack();
    groom(s, &forged, sizeof forged);
    CHECK(eventfd_write(descriptor, 1) == 0);
    CHECK(epoll_wait(set, &event, 1, 1000) == 1);
    return strcmp(((struct connection *)event.data.ptr)->peer, "attacker") == 0;
}
