// GCPRE_RECLAIM=0: what is lost is found, not reclaimed.
// env: GCPRE_RECLAIM=0 GCPRE_TRACE=1 GCPRE_LOG=trace
// needs-library: yes
#include "check.h"
#include <sys/stat.h>

int main(void)
{
    herd_lose(&lost, 1000, 100);
    drop_and_collect();
    struct stat trace;
    CHECK(stat("trace", &trace) == 0 && trace.st_size > 0, "no cycle ran");
    herd_check_whole(&lost);
    for (size_t i = 0; i < lost.count; i++) free(unhide(lost.at[i]));
    for (size_t i = 0; i < lost.count; i++) free(malloc(100));
}
