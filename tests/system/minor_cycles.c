// Minor cycles do not look at old blocks that were not written. What only an old block refers to must stay all the same: a new block whose
// address was stored in it, and one that came to live where the old block's word led before, when nothing had to be stored
// (`if (x->last != p) x->last = p`), be it a slot, a slot of another size in a span that was taken apart, or a large block.
// env: GCPRE_MINOR=always GCPRE_BARRIER=uffd GCPRE_TRACE=1 GCPRE_LOG=trace GCPRE_STRESS=0
// config: default minor
// needs-library: yes
#include "check.h"

enum { OLD = 4000, MINOR = 6, TRIES = 20 };

static struct old {
    char *last;
    char pad[248];
} *old[OLD];

static unsigned minor_so_far(void)
{
    char line[400];
    unsigned count = 0;
    FILE *trace = fopen("trace", "r");
    while (trace && fgets(line, sizeof line, trace)) count += strstr(line, "(minor)") != NULL;
    if (trace) fclose(trace);
    return count;
}

// Until so many have run. What is allocated meanwhile has another size than what the test looks at.
NOINLINE static void run_minor_cycles(void)
{
    unsigned before = minor_so_far();
    for (time_t end = time(NULL) + 40; minor_so_far() < before + MINOR;) {
        CHECK(time(NULL) < end, "%u minor cycles", minor_so_far() - before);
        for (int i = 0; i < 5000; i++) {
            char *volatile lost = (char *)malloc(112);
            CHECK(lost);
        }
        clear_stack();
    }
}

NOINLINE static void store_new_ones(struct herd *herd)
{
    for (int i = 0; i < OLD; i += 5) old[i]->last = herd_add(herd, (char *)malloc(RARE_SIZE), RARE_SIZE);
}

static void check_herd(const struct herd *herd)
{
    for (size_t i = 0; i < herd->count; i++)
        CHECK(is_allocated(herd->at[i]) && is_whole(herd->at[i], herd->size), "%zu of %zu, %zu bytes", i, herd->count, herd->size);
}

static int compare(const void *a, const void *b)
{
    hidden x = *(const hidden *)a, y = *(const hidden *)b;
    return (x > y) - (x < y);
}

// Old blocks come to hold stale words: `count` of them, to blocks of that size.
NOINLINE static void make_stale(hidden *stale, int count, size_t size)
{
    for (int i = 0; i < OLD; i++) old[i]->last = i < count ? (char *)malloc(size) : NULL;
    collect();
    for (int i = 0; i < count; i++) {
        stale[i] = hide(old[i]->last);
        free(old[i]->last);
    }
    qsort(stale, (size_t)count, sizeof stale[0], compare);
}

// Where a new block has the address that an old one still has, nothing need be stored.
NOINLINE static void meet_again(struct herd *herd, const hidden *stale, int count, size_t size)
{
    static hidden others[OLD];
    int rest = 0;
    for (int i = 0; i < count; i++) {
        hidden p = hide(malloc(size));
        if (herd->count < COUNT(herd->at) && bsearch(&p, stale, (size_t)count, sizeof stale[0], compare)) herd_add(herd, unhide(p), size);
        else others[rest++] = p;
    }
    for (int i = 0; i < rest; i++) free(unhide(others[i]));
}

static void test_stale(int count, size_t before, size_t after)
{
    static hidden stale[OLD];
    static struct herd herd;
    herd.count = 0;
    for (int tries = 0; herd.count == 0; tries++) {
        CHECK(tries < TRIES, "no block of %zu bytes comes to live where one of %zu was", after, before);
        make_stale(stale, count, before);
        meet_again(&herd, stale, count, after);
    }
    clear_stack();
    run_minor_cycles();
    check_herd(&herd);
    for (int i = 0; i < OLD; i++) old[i]->last = NULL;
}

int main(void)
{
    static struct herd herd;
    for (int i = 0; i < OLD; i++) old[i] = (struct old *)calloc(1, sizeof *old[i]);
    collect();
    run_minor_cycles();
    store_new_ones(&herd);
    clear_stack();
    run_minor_cycles();
    check_herd(&herd);
    for (int i = 0; i < OLD; i++) old[i]->last = NULL;
    test_stale(OLD, 400, 400);
    test_stale(OLD, 48, 96);
    test_stale(200, 100000, 100000);
    test_stale(20, 9000000, 5000000);
}
