// The program's own userfaultfd in missing mode: whoever reads an unpopulated page of it waits for ever; we must not.
#include "check.h"
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

enum { SIZE = 1 << 20 };

int main(void)
{
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    struct uffdio_api api = {.api = UFFD_API};
    if (fd < 0 || ioctl(fd, UFFDIO_API, &api) != 0) skip("no userfaultfd here");
    char *area = (char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register range = {.range = {(uintptr_t)area, SIZE}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    CHECK(ioctl(fd, UFFDIO_REGISTER, &range) == 0);
    hazard(200, 60, put_slot, drop_slot);
    static char page[4096] = "supplied";
    struct uffdio_copy copy = {.dst = (uintptr_t)area + 8192, .src = (uintptr_t)page, .len = 4096};
    CHECK(ioctl(fd, UFFDIO_COPY, &copy) == 0 && strcmp(area + 8192, "supplied") == 0);
    hazard(200, 60, put_slot, drop_slot);
}
