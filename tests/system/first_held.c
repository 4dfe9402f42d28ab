// Nobody waits for a cycle that cannot begin before he goes on: neither the thread that creates the collector's, nor that one when it creates
// helpers (the C library allocates for threads, from a heap that is past its goal). Both waited for a quarter of a second, and the
// program with them. A busy machine may be as slow once; not every time.
// env: GCPRE_TRACE=1 GCPRE_LOG=trace.%p GCPRE_STRESS=0 GCPRE_WORKERS=2
// config: default
// needs-library: yes
#include "check.h"

enum { TRIES = 20, QUARTER_MS = 250 };

// Past the goal by so much that a thread may be held for a quarter of a second, until a cycle has run.
static void child(void)
{
    char *volatile large = (char *)malloc(12 << 20);
    memset(large, 1, 12 << 20);
    for (int i = 0; i < 200000; i++) {
        char *volatile lost = (char *)malloc(48);
        CHECK(lost);
    }
    collect();
    _exit(0);
}

// Milliseconds for which threads were held before and in the first cycle.
static double first_held(pid_t pid)
{
    char name[40], line[400];
    snprintf(name, sizeof name, "trace.%d", pid);
    FILE *trace = fopen(name, "r");
    CHECK(trace && fgets(line, sizeof line, trace));
    fclose(trace);
    const char *held = strstr(line, "P (");
    double ms = 0;
    return held && sscanf(held, "P (%lf ms held", &ms) == 1 ? ms : 0;
}

int main(void)
{
    double least = 1e9;
    for (int i = 0; i < TRIES && least > QUARTER_MS; i++) {
        int status;
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) child();
        CHECK(waitpid(pid, &status, 0) == pid && status == 0, "status %d", status);
        double ms = first_held(pid);
        least = ms < least ? ms : least;
    }
    CHECK(least <= QUARTER_MS, "held for %.0f ms in the best of %d runs", least, TRIES);
}
