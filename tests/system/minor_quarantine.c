// Under quarantine a short mark is made with the program stopped. That a minor cycle is short says nothing of the full one after it: with much
// alive every full cycle marks beside the program.
// env: GCPRE_FREE=quarantine GCPRE_MINOR=always GCPRE_BARRIER=uffd GCPRE_TRACE=1 GCPRE_LOG=trace GCPRE_STRESS=0
// config: default
// needs-library: yes
#include "check.h"

enum { LIVE = 400000, ROUNDS = 40, LOST = 300000 };

struct node {
    struct node *next;
    char rest[56];
};

static struct node *live;

int main(void)
{
    char line[400];
    unsigned minor = 0, full = 0, stopped = 0;
    for (int i = 0; i < LIVE; i++) {
        struct node *n = (struct node *)calloc(1, sizeof *n);
        n->next = live, live = n;
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < LOST; i++) {
            char *volatile lost = (char *)malloc(100);
            CHECK(lost);
        }
        if (round % 4 == 3) collect();
    }
    FILE *trace = fopen("trace", "r");
    CHECK(trace);
    while (fgets(line, sizeof line, trace)) {
        double beside;
        unsigned before;
        if (sscanf(line, "gc %*u @%*fs %*u%%: %*f+%lf+", &beside) != 1 || sscanf(strstr(line, " cpu, "), " cpu, %u->", &before) != 1) continue;
        bool is_minor = strstr(line, "(minor)");
        minor += is_minor, full += !is_minor;
        stopped += !is_minor && before > 24 && beside == 0;
    }
    fclose(trace);
    CHECK(full > 5, "%u full cycles", full);
    if (minor == 0) skip("no minor cycles here");
    CHECK(stopped == 0, "%u of %u full cycles stopped the program, after %u minor ones", stopped, full, minor);
}
