// The only pointers are the values registered with mq_notify: pinned until the registration is taken back.
// libs: -lrt
#include "check.h"
#include <mqueue.h>

static mqd_t queues[12];

static void put(size_t i, char *p)
{
    char name[40];
    snprintf(name, sizeof name, "/gcpre-%d-%zu", getpid(), i);
    struct mq_attr attributes = {.mq_maxmsg = 2, .mq_msgsize = 8};
    queues[i] = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
    CHECK(queues[i] != (mqd_t)-1 && mq_unlink(name) == 0);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_ptr = p};
    CHECK(mq_notify(queues[i], &event) == 0);
    memset(&event, 0, sizeof event);
    __asm__ volatile("" ::"m"(event));
}

static void drop(size_t i)
{
    CHECK((i % 2 ? mq_notify(queues[i], NULL) : mq_close(queues[i])) == 0);
}

int main(void)
{
    hazard(COUNT(queues), 64, put, drop);
}
