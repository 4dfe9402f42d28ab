// The only pointers are thread-specific values (pthread_setspecific), of the main thread and of another, 400 keys.
#include "check.h"

static pthread_key_t keys[400];
static int turn;
static struct { size_t i; char *p; } order;

static void store(size_t i, char *p) { CHECK(pthread_setspecific(keys[i / 2], p) == 0); }

static void *other(void *unused)
{
    for (;;) {
        while (GET(turn) == 0) sched_yield();
        if (GET(turn) == 2) return unused;
        store(order.i, order.p);
        order.p = NULL;
        SET(turn, 0);
    }
}

static void put(size_t i, char *p)
{
    if (i % 2) {
        order.i = i, order.p = p;
        SET(turn, 1);
        WAIT_UNTIL(GET(turn) == 0);
    } else {
        store(i, p);
    }
}
static void drop(size_t i) { put(i, NULL); }

int main(void)
{
    for (size_t i = 0; i < COUNT(keys); i++) CHECK(pthread_key_create(&keys[i], NULL) == 0);
    pthread_t thread = start(other, NULL);
    hazard(800, 40, put, drop);
    SET(turn, 2);
    join(thread);
}
