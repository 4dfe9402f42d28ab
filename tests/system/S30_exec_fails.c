// An exec that fails leaves a program that goes on collecting, with its threads and its signals as they were.
#include "check.h"

static void *try_exec(void *unused)
{
    for (int i = 0; i < 200; i++) {
        errno = 0;
        CHECK(execl("/nonexistent", "x", NULL) == -1 && errno == ENOENT);
    }
    return unused;
}

int main(void)
{
    pthread_t threads[] = {start(try_exec, NULL), start(try_exec, NULL)};
    hazard(100, 60, put_slot, drop_slot);
    for (size_t i = 0; i < COUNT(threads); i++) join(threads[i]);
    hazard(100, 60, put_slot, drop_slot);
}
