// Ten thousand short threads, joined and detached, under constant collecting: nothing lost, nothing leaked by us.
// timeout: 120
// env: GCPRE_TRACE=1 GCPRE_LOG=trace
#include "check.h"

enum { CREATORS = 2, EACH = 2500, MAILBOX = 64 };
static char *mailbox[MAILBOX];  // blocks handed from thread to thread
static int alive;

static void *short_life(void *number)
{
    size_t n = (size_t)number;
    char *mine = branded((char *)malloc(40), 40);
    char *other = __atomic_exchange_n(&mailbox[n % MAILBOX], mine, __ATOMIC_SEQ_CST);
    if (other) {
        CHECK(is_whole(hide(other), 40), "thread %zu got a broken block", n);
        if (n % 3) free(other);  // the others are lost
    }
    ADD(alive, -1);
    return NULL;
}

static void *create(void *first)
{
    pthread_t last = 0;
    for (size_t n = (size_t)first; n < (size_t)first + EACH; n++) {
        while (GET(alive) > 40) sched_yield();
        ADD(alive, 1);
        pthread_t thread = start(short_life, (void *)n);
        if (n % 2) CHECK(pthread_detach(thread) == 0);
        else {
            if (last) join(last);
            last = thread;
        }
    }
    join(last);
    return NULL;
}

// Every cycle could stop every thread, whatever state of being born or dying it was in.
static void check_trace(void)
{
    char line[400];
    FILE *trace = fopen("trace", "r");
    CHECK(trace);
    while (fgets(line, sizeof line, trace)) CHECK(!strstr(line, "did not"), "%s", line);
    fclose(trace);
}

int main(void)
{
    collector_start();
    long before = 0;
    for (int round = 0; round < 2; round++) {
        pthread_t creators[CREATORS];
        for (size_t i = 0; i < CREATORS; i++) creators[i] = start(create, (void *)(i * EACH));
        for (size_t i = 0; i < CREATORS; i++) join(creators[i]);
        WAIT_UNTIL(GET(alive) == 0);
        if (round == 0) before = status_of("VmRSS:");
    }
    collector_stop();
    if (gcpre_available()) check_trace();
    CHECK(status_of("VmRSS:") < before + 8192, "memory grew from %ld to %ld kB", before, status_of("VmRSS:"));
}
