// Shared memory and a privately written file mapping hold the only pointers.
// args: anonymous
// args: memfd
// args: file
// args: private_file
// args: private_file_read_only
#include "check.h"

enum { SIZE = 64 << 10 };
static char **table;
static void put(size_t i, char *p) { table[i] = p; }
static void put_protected(size_t i, char *p)
{
    CHECK(mprotect(table, SIZE, PROT_READ | PROT_WRITE) == 0);
    table[i] = p;
    CHECK(mprotect(table, SIZE, PROT_READ) == 0);
}
static void drop(size_t i)
{
    if (i == 0) CHECK(munmap(table, SIZE) == 0);
}

int main(int argc, char **argv)
{
    const char *kind = argv[argc - 1];
    int fd = -1, flags = MAP_SHARED;
    if (strcmp(kind, "anonymous") == 0) flags |= MAP_ANONYMOUS;
    else fd = strcmp(kind, "memfd") == 0 ? memfd_create("test", 0) : open("file", O_RDWR | O_CREAT, 0600);
    if (fd >= 0) CHECK(ftruncate(fd, SIZE) == 0);
    if (strncmp(kind, "private", 7) == 0) flags = MAP_PRIVATE;
    table = (char **)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags, fd, 0);
    CHECK(table != MAP_FAILED);
    hazard_may_pause(1000, 60, strstr(kind, "read_only") ? put_protected : put, drop);
}
