// What a block leads to that is found by the final stop alone (a thread had its only pointer where roots had been scanned by then) may be a slot in
// a magazine, which is marked for the stop only. Who comes to live there is held by that block, though nothing had to be stored
// (`if (x->last != p) x->last = p`), and stays in the minor cycles to come, which do not look at the block again.
// env: GCPRE_MINOR=always GCPRE_BARRIER=uffd GCPRE_TRACE=1 GCPRE_LOG=trace GCPRE_STRESS=0
// config: default minor
// needs-library: yes
#include "check.h"

#include <x86intrin.h>

enum { OLD = 1024, FREED = 16, TRIES = 300, CHILD = 1000, FREED_EACH = OLD / FREED };
enum { GAP = 20000 }; // ticks that a thread loses when it is stopped, at least

static struct old {
    struct old *next;
    char *last;
    char pad[240];
} *volatile head; // the list, while the holder has not taken it

static enum { IDLE, TAKE, GIVE, END } order;
static hidden old[OLD], child[FREED];

// Once somebody has stopped this thread, it alone has the list.
NOINLINE static void hold(void)
{
    unsigned long long last = __rdtsc(), now;
    while (now = __rdtsc(), now - last < GAP && GET(order) == TAKE) last = now;
    struct old *volatile mine = head;
    head = NULL;
    while (GET(order) == TAKE)
        ;
    head = mine;
    mine = NULL;
}

static void *holder(void *none)
{
    for (int now; (now = GET(order)) != END;) {
        if (now != IDLE) {
            hold();
            clear_stack();
            SET(order, IDLE);
        }
    }
    return none;
}

NOINLINE static void build(void)
{
    for (int i = 0; i < OLD; i++) {
        struct old *x = (struct old *)calloc(1, sizeof *x);
        old[i] = hide(x);
        x->next = head;
        head = x;
    }
}

static struct old *of_child(int i) { return (struct old *)unhide(old[i * FREED_EACH]); }

NOINLINE static void make_stale(void)
{
    for (int i = 0; i < FREED; i++) {
        char *p = (char *)malloc(CHILD);
        of_child(i)->last = p;
        child[i] = hide(p);
    }
    for (int i = 0; i < FREED; i++) free(unhide(child[i]));
}

// How many of the blocks have the address that an old block has still.
NOINLINE static int meet_again(void)
{
    int met = 0;
    for (int i = 0; i < FREED; i++) {
        char *p = branded((char *)malloc(CHILD), CHILD);
        for (int k = 0; k < FREED; k++)
            if (hide(p) == child[k]) {
                met++;
                break;
            }
    }
    return met;
}

static unsigned minor_so_far(void)
{
    static FILE *trace;
    static unsigned count;
    char line[400];
    if (!trace) trace = fopen("trace", "r");
    CHECK(trace);
    clearerr(trace);
    while (fgets(line, sizeof line, trace)) count += strstr(line, "(minor)") != NULL;
    return count;
}

NOINLINE static void run_minor_cycle(void)
{
    unsigned before = minor_so_far();
    for (time_t end = time(NULL) + 40; minor_so_far() == before;) {
        CHECK(time(NULL) < end, "no minor cycle");
        for (int i = 0; i < 5000; i++) {
            char *volatile lost = (char *)malloc(112);
            CHECK(lost);
        }
    }
}

int main(void)
{
    pthread_t thread;
    int met = 0;
    build();
    collect();
    CHECK(pthread_create(&thread, NULL, holder, NULL) == 0);
    for (int tries = 0; tries < TRIES; tries++) {
        make_stale();
        clear_stack();
        SET(order, TAKE);
        collect();
        SET(order, GIVE);
        WAIT_UNTIL(GET(order) == IDLE);
        bool all = meet_again() == FREED;
        met += all;
        clear_stack();
        run_minor_cycle();
        for (int i = 0; all && i < FREED; i++)
            CHECK(is_allocated(child[i]) && is_whole(child[i], CHILD), "%d of %d, at the %dth try", i, FREED, tries);
        for (int i = 0; all && i < FREED; i++) free(of_child(i)->last);
    }
    CHECK(met > TRIES / 2, "they met again %d times", met);
    SET(order, END);
    pthread_join(thread, NULL);
}
