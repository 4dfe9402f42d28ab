// GCPRE_FREE=quarantine with GCPRE_RECLAIM=0: what the program freed comes back as ever; what it lost does not.
// env: GCPRE_FREE=quarantine GCPRE_RECLAIM=0
// needs-library: yes
#include "check.h"

enum { SIZE = 700, LARGE = 200000, FREES = 200000, MOST_KB = 60000 };

static void churn(size_t times)
{
    for (size_t i = 0; i < times; i++) {
        size_t size = i % 100 ? SIZE : LARGE;
        char *volatile p = (char *)malloc(size);
        memset(p, 1, size);
        free(p);
    }
}

int main(void)
{
    herd_lose(&held, 500, 90);
    churn(FREES / 10);
    long before = status_of("VmRSS:");
    churn(FREES);
    CHECK(status_of("VmRSS:") < before + MOST_KB, "%ld kB, %ld before", status_of("VmRSS:"), before);
    drop_and_collect();
    herd_check_whole(&held);
}
