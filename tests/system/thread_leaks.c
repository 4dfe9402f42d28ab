// Threads that ended and that nobody joined are told of at exit, by where they were created, and nothing else is lost.
// needs-library: yes
// env: GCPRE_LEAKS=exit
// libs: -lpthread
// expect-stderr: Thread 'forgotten' \(tid=\d+, finished\) created at:\n    #0 0x[0-9a-f]+ in (?s:.*)And 2 more similar(?s:.*)Thread 'forgotten\?11\?'(?s:.*)SUMMARY: libgcpre: 4 thread\(s\)
// allow-stderr: ^(=+|WARNING: libgcpre: thread leak.*|  Thread 'forgotten.*|    #\d+ .*|  And 2 more similar thread leaks\.|SUMMARY: libgcpre: 4 thread.*|)$
#include "check.h"
#include <threads.h>

static int ended;

static void *forget(void *unused)
{
    pthread_setname_np(pthread_self(), "forgotten");
    ADD(ended, 1);
    return unused;
}
static int forget11(void *unused)
{
    pthread_setname_np(pthread_self(), "forgotten\n11\x7f"); // a line of the report stays one
    ADD(ended, 1);
    return unused != NULL;
}
static void *run_on(void *unused)
{
    for (;;) pause();
    return unused;
}
static int threads(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    while (readdir(tasks)) count++;
    closedir(tasks);
    return count - 2;
}

int main(void)
{
    pthread_t thread;
    thrd_t thread11;
    int before = threads();
    for (int i = 0; i < 3; i++) CHECK(pthread_create(&thread, NULL, forget, NULL) == 0);
    CHECK(thrd_create(&thread11, forget11, NULL) == thrd_success);
    WAIT_UNTIL(GET(ended) == 4 && threads() <= before);
    CHECK(pthread_create(&thread, NULL, run_on, NULL) == 0);  // runs: no leak
    return 0;
}
