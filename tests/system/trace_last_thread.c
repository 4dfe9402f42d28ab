// What the collector says after main has gone by pthread_exit comes to standard error all the same: the process's own table of
// descriptors is no more, that of its other threads is.
// env: GCPRE_TRACE=1 GCPRE_GOGC=off GCPRE_PERIOD=off
// expect-stderr: ^gc 4 @
#include "check.h"

static bool main_is_gone(void)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", getpid());
    int fd = open(path, O_RDONLY);
    ssize_t bytes = read(fd, text, sizeof text - 1);
    close(fd);
    text[bytes > 0 ? bytes : 0] = 0;
    const char *after = strrchr(text, ')');
    return after && after[2] == 'Z';
}

static void *last(void *unused)
{
    WAIT_UNTIL(main_is_gone());
    collect();
    return unused;
}

int main(void)
{
    drop_and_collect();
    start(last, NULL);
    pthread_exit(NULL);
}
