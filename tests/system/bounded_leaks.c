// Leaks in a loop, of every size from 16 bytes to a megabyte, half a gigabyte in total: memory stays bounded.
// env: GCPRE_STRESS=0 GCPRE_VERIFY=0
// needs-library: yes
#include "check.h"

NOINLINE static size_t leak(unsigned i)
{
    size_t size = (size_t)16 << i % 17;
    char *volatile block = branded((char *)malloc(size), size);
    (void)block;
    return size;
}

int main(void)
{
    char *kept[100];
    for (size_t i = 0; i < COUNT(kept); i++) kept[i] = branded((char *)malloc(1000), 1000);
    size_t total = 0;
    for (unsigned i = 0; total < (size_t)512 << 20; i++) total += leak(i);
    for (size_t i = 0; i < COUNT(kept); i++) CHECK(is_whole(hide(kept[i]), 1000));
    CHECK(status_of("VmHWM:") < 100 << 10, "peak of %ld kB", status_of("VmHWM:"));
}
