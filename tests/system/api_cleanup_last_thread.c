// The thread that runs cleanups does not keep a process alive whose own threads have all ended.
#include "check.h"

static void call(void *arg) { (void)arg; }

static void *end(void *arg)
{
    gcpre_add_cleanup(malloc(100), call, NULL);
    usleep((useconds_t)(uintptr_t)arg);
    return NULL;
}

int main(void)
{
    for (uintptr_t rest = 0; rest < 3; rest++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            pthread_t thread;
            CHECK(pthread_create(&thread, NULL, end, (void *)(rest * 20000)) == 0);
            pthread_exit(NULL);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0, "status %x", status);
    }
}
