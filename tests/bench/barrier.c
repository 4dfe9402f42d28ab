/* barrier: what marking costs a program that writes all over its memory meanwhile. One thread adds
 * to random words of N MiB without rest, another collects now and then; the time of a write is
 * taken apart by whether a collection was going on. Every addition must be found at the end. */
#include "heap.h"

enum { RUN = 1000 };            /* writes between two looks at the clock */

struct node {
    uint64_t writes;
    char rest[56];
};

struct tally { uint64_t runs; int64_t total_ns, longest_ns; };

static uint64_t nodes;
static struct node **table;     /* all nodes, in random order */
static atomic_ulong phase;      /* odd while a collection is going on */
static atomic_bool stop;
static struct tally tally[2];   /* [1]: runs of writes that a collection overlapped */

static void build(void)
{
    struct rng rng = { 14 };
    table = new_table(nodes, sizeof *table);
    for (uint64_t i = 0; i < nodes; i++) {
        table[i] = new_pointers(sizeof **table);
        *table[i] = (struct node){ 0 };
    }
    shuffle_pointers((void **)table, nodes, &rng);
}

static void tally_add(struct tally *t, int64_t ns)
{
    t->runs++;
    t->total_ns += ns;
    if (ns > t->longest_ns)
        t->longest_ns = ns;
}

static void *write_all_over(void *unused)
{
    (void)unused;
    struct rng rng = { 15 };
    while (!atomic_load(&stop)) {
        unsigned long before = atomic_load(&phase);
        int64_t began = now_ns();
        for (int i = 0; i < RUN; i++)
            table[rng_below(&rng, nodes)]->writes++;
        int64_t took = now_ns() - began;
        bool collected = before % 2 || atomic_load(&phase) != before;
        tally_add(&tally[collected], took);
    }
    return NULL;
}

static void rest(long ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
    while (nanosleep(&t, &t) != 0)
        continue;
}

static void collect_now_and_then(long cycles, long rest_ms)
{
    for (; cycles > 0; cycles--) {
        rest(rest_ms);
        atomic_fetch_add(&phase, 1);
        int64_t began = now_ns();
        heap_collect();
        result("collect_ms", (now_ns() - began) / 1e6);
        atomic_fetch_add(&phase, 1);
    }
    rest(rest_ms);
}

static void check(void)
{
    uint64_t found = 0, made = (tally[0].runs + tally[1].runs) * RUN;
    for (uint64_t i = 0; i < nodes; i++)
        found += table[i]->writes;
    if (found != made)
        fail("%lu of %lu writes are found", found, made);
}

int main(int argc, char **argv)
{
    heap_options(argc, argv);
    nodes = (scaled(option("mib", 256, "MiB written to")) << 20) / sizeof(struct node);
    long cycles = option("cycles", 5, "collections");
    long rest_ms = scaled(option("rest", 300, "milliseconds without one before each"));
    heap_begin();
    if (!heap_can_collect()) {
        puts("absent gcpre_collect");
        return 0;
    }

    heap_hold();
    build();
    heap_unhold();
    pthread_t writer;
    thread_start(&writer, write_all_over, NULL);
    collect_now_and_then(cycles, rest_ms);
    atomic_store(&stop, true);
    pthread_join(writer, NULL);

    check();
    for (int i = 0; i < 2; i++)
        if (tally[i].runs == 0)
            fail("no writes %s a collection", i ? "during" : "outside");
    double idle = (double)tally[0].total_ns / tally[0].runs / RUN;
    double marking = (double)tally[1].total_ns / tally[1].runs / RUN;
    result("idle_write_ns", idle);
    result("marking_write_ns", marking);
    result("slowdown", marking / idle);
    result("longest_idle_us", tally[0].longest_ns / 1e3);
    result("longest_marking_us", tally[1].longest_ns / 1e3);
    heap_end();
    result_checksum(nodes);
}
