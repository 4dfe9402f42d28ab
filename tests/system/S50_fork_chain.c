// A child of a child of a child, each with threads, collecting, and with handlers registered by pthread_atfork that allocate.
#include "check.h"

static int prepared;

static void prepare(void) { prepared++; free(malloc(1000)); }
static void after(void) { free(malloc(100)); }

static void generation(int left)
{
    collector_start();
    wait_for_cycles(2);
    pid_t child = fork();
    if (child == 0) {
        if (left > 0) generation(left - 1);
        hazard(200, 80, put_slot, drop_slot);
        exit(left == 0 ? 5 : 0);
    }
    collector_stop(); // a chain in which all go on collecting to its end takes a small machine to itself
    expect_child(child, left == 0 ? 5 << 8 : 0);
}

int main(void)
{
    CHECK(pthread_atfork(prepare, after, after) == 0);
    generation(6);
    CHECK(prepared == 1);
    hazard(200, 80, put_slot, drop_slot);
}
