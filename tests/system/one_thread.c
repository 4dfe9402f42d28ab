// A small process keeps one thread, no descriptor of ours, and a small footprint.
// config: default
#include "check.h"

int main(void)
{
    char *blocks[1000];
    for (size_t i = 0; i < COUNT(blocks); i++) blocks[i] = branded((char *)malloc(i), i);
    for (size_t i = 0; i < COUNT(blocks); i++) free(blocks[i]);
    CHECK(status_of("Threads:") == 1, "%ld threads", status_of("Threads:"));
    for (int fd = 3; fd < 20000; fd++) CHECK(fcntl(fd, F_GETFD) == -1, "descriptor %d is open", fd);
    CHECK(status_of("VmRSS:") < 12 << 10, "%ld kB resident", status_of("VmRSS:"));
}
