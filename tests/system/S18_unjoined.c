// The only pointer is the return value of a thread that has ended and was not joined.
#include "check.h"

static pthread_t threads[60];

static void *body(void *block) { return block; }
static void put(size_t i, char *p) { threads[i] = start(body, p); }

int main(void)
{
    hazard_fill(COUNT(threads), 90, put);
    WAIT_UNTIL(threads_of_ours() == 1);
    drop_and_collect();
    herd_check_whole(&held);
    herd_check_gone(&lost);
    for (size_t i = 0; i < COUNT(threads); i++) {
        CHECK(join(threads[i]) == unhide(held.at[i]));
        threads[i] = 0;
    }
}
