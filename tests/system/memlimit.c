// GCPRE_MEMLIMIT=64MiB with GCPRE_GOGC=off: the limit alone drives the cycles.
// env: GCPRE_MEMLIMIT=64MiB GCPRE_GOGC=off GCPRE_STRESS=0 GCPRE_VERIFY=0
// needs-library: yes
#include "check.h"

int main(void)
{
    static char *slots[5000];
    for (unsigned i = 0; i < 500000; i++) slots[i * 7 % COUNT(slots)] = branded((char *)malloc(1000), 1000);
    for (size_t i = 0; i < COUNT(slots); i++) CHECK(is_allocated(hide(slots[i])) && is_whole(hide(slots[i]), 1000), "block %zu", i);
    CHECK(status_of("VmHWM:") < 96 << 10, "peak of %ld kB", status_of("VmHWM:"));
}
