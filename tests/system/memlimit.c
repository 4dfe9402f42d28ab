// GCPRE_MEMLIMIT=64MiB with GCPRE_GOGC=off: the limit alone drives the cycles.
// alone: yes
// env: GCPRE_MEMLIMIT=64MiB GCPRE_GOGC=off GCPRE_STRESS=0 GCPRE_VERIFY=0
// needs-library: yes
#include "check.h"

int main(void)
{
    static char *blocks[5000];
    for (unsigned i = 0; i < 500000; i++) blocks[i * 7 % COUNT(blocks)] = branded((char *)malloc(1000), 1000);
    for (size_t i = 0; i < COUNT(blocks); i++) CHECK(is_allocated(hide(blocks[i])) && is_whole(hide(blocks[i]), 1000), "block %zu", i);
    CHECK(status_of("VmHWM:") < 96 << 10, "peak of %ld kB", status_of("VmHWM:"));
}
