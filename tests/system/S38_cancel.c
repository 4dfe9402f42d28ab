// Threads cancelled, deferred and asynchronously, while they allocate, wait and are collected: clean-up and specific data work.
#include "check.h"

enum { THREADS = 200 };
static pthread_key_t key;
static int destroyed, cleaned;

static void destroy(void *block)
{
    CHECK(is_whole(hide(block), 33));
    free(block);
    ADD(destroyed, 1);
}
static void clean(void *block)
{
    CHECK(is_whole(hide(block), 33));
    free(block);
    free(malloc(1000));
    ADD(cleaned, 1);
}

static void *body(void *kind)
{
    volatile unsigned counter = 0;
    pthread_setspecific(key, branded((char *)malloc(33), 33));
    pthread_cleanup_push(clean, branded((char *)malloc(33), 33));
    switch ((size_t)kind % 3) {
    case 0:
        for (;;) {
            free(malloc(500));
            pthread_testcancel();
        }
    case 1:
        for (;;) pause();
    default:
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
        for (;;) counter++;
    }
    pthread_cleanup_pop(0);
    return NULL;
}

int main(void)
{
    pthread_key_create(&key, destroy);
    herd_lose(&lost, 1000, RARE_SIZE);
    collector_start();
    for (size_t n = 0; n < THREADS; n += 4) {
        pthread_t threads[4];
        for (size_t i = 0; i < 4; i++) threads[i] = start(body, (void *)(n + i));
        wait_for_cycles(1);
        for (size_t i = 0; i < 4; i++) CHECK(pthread_cancel(threads[i]) == 0);
        for (size_t i = 0; i < 4; i++) CHECK(join(threads[i]) == PTHREAD_CANCELED);
    }
    collector_stop();
    CHECK(destroyed == THREADS && cleaned == THREADS, "%d and %d", destroyed, cleaned);
    drop_and_collect();
    herd_check_gone(&lost);
}
