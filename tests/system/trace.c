// GCPRE_TRACE=1 writes one line a cycle exactly in the layout of Go's gctrace, numbered without gaps; (forced) just where it was. So does
// a forked child, which counts from its own beginning.
// env: GCPRE_TRACE=1 GCPRE_LOG=trace.%p GCPRE_STRESS=0
// needs-library: yes
#include "check.h"
#include <regex.h>

#define MS "[0-9]+(\\.[0-9]+)?"
static const char layout[] =
    "^gc [0-9]+ @[0-9]+\\.[0-9]{3}s [0-9]+%: " MS "\\+" MS "\\+" MS " ms clock, " MS "\\+" MS "/" MS "/" MS "\\+" MS " ms cpu, "
    "[0-9]+->[0-9]+->[0-9]+ MB, [0-9]+ MB goal, [0-9]+ MB stacks, [0-9]+ MB globals, [0-9]+ P( \\(forced\\)| \\(minor\\))?( \\(" MS " ms held\\))?\n$";

static unsigned check_lines(unsigned most_seconds)
{
    char name[40], line[300];
    snprintf(name, sizeof name, "trace.%d", getpid());
    FILE *trace = fopen(name, "r");
    regex_t regex;
    unsigned number, count = 0, forced = 0, before, at_end, live = 0;
    double time, last = 0, assist, background;
    CHECK(trace && regcomp(&regex, layout, REG_EXTENDED | REG_NOSUB) == 0);
    while (fgets(line, sizeof line, trace)) {
        CHECK(regexec(&regex, line, 0, NULL, 0) == 0, "line: %s", line);
        CHECK(sscanf(line, "gc %u @%lfs", &number, &time) == 2 && number == ++count && time >= last, "line: %s", line);
        CHECK(sscanf(strstr(line, " cpu, "), " cpu, %u->%u->%u", &before, &at_end, &live) == 3, "line: %s", line);
        CHECK(sscanf(strstr(line, " clock, "), " clock, %*f+%lf/%lf", &assist, &background) == 2, "line: %s", line);
        CHECK(live <= at_end && background < 1e3 * most_seconds && assist < 1e3 * most_seconds, "line: %s", line);
        last = time, forced += strstr(line, "(forced)") != NULL;
    }
    CHECK(forced == 5 && count >= 5, "%u lines, %u forced", count, forced);
    CHECK(live >= 38 && live <= 60, "40 MB live, said %u", live);
    return count;
}

int main(void)
{
    static char *blocks[40];
    for (int i = 0; i < 400; i++) blocks[i % 40] = branded((char *)malloc(1 << 20), 1 << 20);
    for (int i = 0; i < 5; i++) collect();
    for (int i = 0; i < 40; i++) CHECK(is_allocated(hide(blocks[i])) && is_whole(hide(blocks[i]), 1 << 20));

    CHECK(check_lines(20) > 5);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        for (int i = 0; i < 5; i++) collect();
        check_lines(20);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0, "status %d", status);
}
