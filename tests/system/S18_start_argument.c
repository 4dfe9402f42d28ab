// The only pointer is the argument of a thread that has not begun to run: thousands of births under constant collecting.
#include "check.h"

static int arrived;

static void *body(void *block)
{
    CHECK(is_allocated(hide(block)) && is_whole(hide(block), 110), "the start argument");
    free(block);
    ADD(arrived, 1);
    return NULL;
}

int main(void)
{
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    herd_lose(&lost, 1000, RARE_SIZE);
    collector_start();
    for (int i = 0; i < 1500; i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, &detached, body, branded((char *)malloc(110), 110)) == 0);
        if (i % 50 == 0) WAIT_UNTIL(GET(arrived) >= i - 50);
    }
    WAIT_UNTIL(GET(arrived) == 1500);
    wait_for_cycles(3);
    collector_stop();
    drop_and_collect();
    herd_check_gone(&lost);
}
