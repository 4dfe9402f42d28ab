// GCPRE_TRACE=1 writes one line a cycle exactly in the layout of Go's gctrace, numbered without gaps; (forced) just where it was.
// env: GCPRE_TRACE=1 GCPRE_LOG=trace GCPRE_STRESS=0
// needs-library: yes
#include "check.h"
#include <regex.h>

#define MS "[0-9]+(\\.[0-9]+)?"
static const char layout[] =
    "^gc [0-9]+ @[0-9]+\\.[0-9]{3}s [0-9]+%: " MS "\\+" MS "\\+" MS " ms clock, " MS "\\+" MS "/" MS "/" MS "\\+" MS " ms cpu, "
    "[0-9]+->[0-9]+->[0-9]+ MB, [0-9]+ MB goal, [0-9]+ MB stacks, [0-9]+ MB globals, [0-9]+ P( \\(forced\\))?\n$";

int main(void)
{
    static char *blocks[40];
    for (int i = 0; i < 400; i++) blocks[i % 40] = branded((char *)malloc(1 << 20), 1 << 20);
    for (int i = 0; i < 5; i++) collect();
    for (int i = 0; i < 40; i++) CHECK(is_allocated(hide(blocks[i])) && is_whole(hide(blocks[i]), 1 << 20));

    FILE *trace = fopen("trace", "r");
    regex_t regex;
    char line[300];
    unsigned number, count = 0, forced = 0, before, at_end, live;
    double time, last = 0;
    CHECK(trace && regcomp(&regex, layout, REG_EXTENDED | REG_NOSUB) == 0);
    while (fgets(line, sizeof line, trace)) {
        CHECK(regexec(&regex, line, 0, NULL, 0) == 0, "line: %s", line);
        CHECK(sscanf(line, "gc %u @%lfs", &number, &time) == 2 && number == ++count && time >= last, "line: %s", line);
        CHECK(sscanf(strstr(line, " cpu, "), " cpu, %u->%u->%u", &before, &at_end, &live) == 3, "line: %s", line);
        CHECK(live <= at_end, "line: %s", line);
        last = time, forced += strstr(line, "(forced)") != NULL;
    }
    CHECK(forced == 5 && count > 5, "%u lines, %u forced", count, forced);
    CHECK(live >= 38 && live <= 60, "40 MB live, said %u", live);
}
