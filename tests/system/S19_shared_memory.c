// Shared memory and a privately written file mapping hold the only pointers.
// args: anonymous
// args: memfd
// args: file
// args: private_file
// args: private_file_read_only
#include "check.h"

enum { SIZE = 64 << 10 };
static char **slots;
static void put(size_t i, char *p) { slots[i] = p; }
static void put_protected(size_t i, char *p)
{
    CHECK(mprotect(slots, SIZE, PROT_READ | PROT_WRITE) == 0);
    slots[i] = p;
    CHECK(mprotect(slots, SIZE, PROT_READ) == 0);
}
static void drop(size_t i)
{
    if (i == 0) CHECK(munmap(slots, SIZE) == 0);
}

int main(int argc, char **argv)
{
    const char *kind = argv[argc - 1];
    int fd = -1, flags = MAP_SHARED;
    if (strcmp(kind, "anonymous") == 0) flags |= MAP_ANONYMOUS;
    else fd = strcmp(kind, "memfd") == 0 ? memfd_create("test", 0) : open("file", O_RDWR | O_CREAT, 0600);
    if (fd >= 0) CHECK(ftruncate(fd, SIZE) == 0);
    if (strncmp(kind, "private", 7) == 0) flags = MAP_PRIVATE;
    slots = (char **)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags, fd, 0);
    CHECK(slots != MAP_FAILED);
    hazard_may_pause(1000, 60, strstr(kind, "read_only") ? put_protected : put, drop);
}
