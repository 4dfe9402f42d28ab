// Every way to join or to detach a thread forgets it, gives what the C library gives, and can be cancelled where that can.
// libs: -lpthread
// cflags: -Wno-restrict
// env: GCPRE_LEAKS=exit
#include "check.h"
#include <threads.h>

static int go;

static void *give(void *value) { return value; }
static void *give_later(void *value)
{
    WAIT_UNTIL(GET(go));
    return value;
}
static int give11(void *unused) { return unused ? 1 : 42; }
static void *detach_oneself(void *unused)
{
    CHECK(pthread_detach(pthread_self()) == 0);
    ADD(go, 1);
    return unused;
}
static pthread_t made(void *(*function)(void *), const pthread_attr_t *attr)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, attr, function, &go) == 0);
    return thread;
}

static void joins(void)
{
    void *value = NULL;
    struct timespec past = {1, 0}, later = {time(NULL) + 100, 0}, later_monotonic;
    clock_gettime(CLOCK_MONOTONIC, &later_monotonic);
    later_monotonic.tv_sec += 100;
    CHECK(pthread_join(made(give, NULL), &value) == 0 && value == &go);
    pthread_t slow = made(give_later, NULL);
    CHECK(pthread_tryjoin_np(slow, &value) == EBUSY);
    CHECK(pthread_timedjoin_np(slow, &value, &past) == ETIMEDOUT);
    CHECK(pthread_clockjoin_np(slow, &value, CLOCK_MONOTONIC, &past) == ETIMEDOUT);
    SET(go, 1);
    value = NULL;
    CHECK(pthread_timedjoin_np(slow, &value, &later) == 0 && value == &go);
    CHECK(pthread_clockjoin_np(made(give, NULL), &value, CLOCK_MONOTONIC, &later_monotonic) == 0);
    pthread_t quick = made(give, NULL);
    while (pthread_tryjoin_np(quick, &value)) usleep(100);
    CHECK(pthread_join(pthread_self(), NULL) == EDEADLK);
    SET(go, 0);
}

static void detaches(void)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    for (int i = 0; i < 20; i++) {
        made(give, &attr);
        CHECK(pthread_detach(made(give, NULL)) == 0);
        made(detach_oneself, NULL);
    }
    WAIT_UNTIL(GET(go) == 20);
    pthread_t ended = made(give, NULL);
    usleep(20000);  // probably at its end
    CHECK(pthread_detach(ended) == 0);
    SET(go, 0);
}

static void c11(void)
{
    thrd_t thread;
    int value = 0;
    CHECK(thrd_create(&thread, give11, NULL) == thrd_success && thrd_join(thread, &value) == thrd_success && value == 42);
    CHECK(thrd_create(&thread, give11, NULL) == thrd_success && thrd_detach(thread) == thrd_success);
}

static void *join_for_ever(void *thread)
{
    pthread_join(*(pthread_t *)thread, NULL);
    return thread;
}
static void cancelled(void)
{
    pthread_t slow = made(give_later, NULL), waiting;
    void *value;
    CHECK(pthread_create(&waiting, NULL, join_for_ever, &slow) == 0);
    usleep(1000);
    CHECK(pthread_cancel(waiting) == 0);
    CHECK(pthread_join(waiting, &value) == 0 && value == PTHREAD_CANCELED);
    SET(go, 1);
    CHECK(pthread_join(slow, NULL) == 0);
}

// Where the program keeps a pthread_t may be gone when pthread_create returns.
static void *free_it(void *box)
{
    CHECK(pthread_detach(*(pthread_t *)box) == 0);
    return munmap(box, 4096), NULL;
}
static void short_lived_boxes(void)
{
    for (int i = 0; i < 200; i++) {
        pthread_t *box = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(box != MAP_FAILED && pthread_create(box, NULL, free_it, box) == 0);
    }
}

int main(void)
{
    joins();
    detaches();
    c11();
    cancelled();
    short_lived_boxes();
    for (int i = 0; i < 500; i++) CHECK(pthread_join(made(give, NULL), NULL) == 0);  // of the same pthread_t
    return 0;
}
