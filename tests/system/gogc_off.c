// GCPRE_GOGC=off: no cycle ever starts by itself; one that the program asks for still works.
// env: GCPRE_GOGC=off GCPRE_STRESS=0 GCPRE_TRACE=1 GCPRE_LOG=trace
// needs-library: yes
#include "check.h"
#include <sys/stat.h>

int main(void)
{
    struct stat trace;
    herd_lose(&lost, 1000, 1000);
    for (int i = 0; i < 200; i++) {
        char *volatile block = branded((char *)malloc(1 << 20), 1 << 20);
        block = NULL;
        (void)block;
    }
    CHECK(stat("trace", &trace) != 0 || trace.st_size == 0, "a cycle ran");
    herd_check_whole(&lost);
    drop_and_collect();
    herd_check_gone(&lost);
    CHECK(stat("trace", &trace) == 0 && trace.st_size > 0, "no trace of the cycles asked for");
}
