// setuid and its like reach every thread, ours too, whatever it is about: here its first cycles, for which it creates helpers.
// The C library holds locks meanwhile that creating a thread needs.
#include "check.h"

static int done;

static void *collect_often(void *unused)
{
    for (int i = 0; i < 5; i++) collect();
    SET(done, 1);
    return unused;
}

static void change_identity(void)
{
    pthread_t thread = start(collect_often, NULL);
    while (!GET(done)) CHECK(setuid(getuid()) == 0 && setgid(getgid()) == 0);
    join(thread);
}

int main(void)
{
    for (int round = 0; round < 40; round++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            change_identity();
            _exit(0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0, "round %d: status %d", round, status);
    }
}
