// GCPRE_PERIOD=1s: an idle process above the threshold is collected by itself, and the trace says (forced).
// env: GCPRE_PERIOD=1s GCPRE_STRESS=0 GCPRE_VERIFY=0 GCPRE_TRACE=1 GCPRE_LOG=trace
// needs-library: yes
#include "check.h"

static char *blocks[200];

static bool all_gone(void)
{
    usleep(20000);
    size_t left = 0;
    for (size_t i = 0; i < lost.count; i++) left += is_allocated(lost.at[i]);
    return left <= 50;
}

// The line comes behind the sweep.
static bool forced_in_trace(void)
{
    char line[300] = "";
    FILE *trace = fopen("trace", "r");
    CHECK(trace);
    while (fgets(line, sizeof line, trace) && !strstr(line, "(forced)")) {}
    fclose(trace);
    return strstr(line, "(forced)");
}

int main(void)
{
    for (size_t i = 0; i < COUNT(blocks); i++) blocks[i] = branded((char *)malloc(100000), 100000);
    herd_lose(&lost, 1000, 200);
    clear_stack();
    WAIT_UNTIL(all_gone());
    for (size_t i = 0; i < COUNT(blocks); i++) CHECK(is_allocated(hide(blocks[i])) && is_whole(hide(blocks[i]), 100000), "block %zu", i);
    WAIT_UNTIL(forced_in_trace());
}
