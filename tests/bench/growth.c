/* growth: what does a cycle cost as something grows: the heap, the threads, the mappings that are roots, or what is written meanwhile?
 * Trees of N MiB live on, threads stand deep in their stacks and now and then write to random leaves, all of them together to so many in a
 * millisecond (nearly always as many pages), and each mapping holds the only pointer to a block. Then some cycles are asked for. Every
 * write must be found at the end, and what the mappings hold. Run it with GCPRE_GOGC=off, or cycles happen while it builds. */
#include "heap.h"

#include <sys/mman.h>

enum { DEPTH = 11, FRAME_WORDS = 120 };

struct node {
    struct node *left, *right;
    atomic_ulong writes;
    char rest[32];
};
enum { NODE_BYTES = 64 };       /* that a node takes of the heap */
_Static_assert(sizeof(struct node) == 56, "what the figures are per");

static struct node **tree;      /* tree_count of them */
static uint64_t tree_count;
static char *mapped;            /* a page, a page that is not mapped, and so on */
static long mappings, threads, dirty, stack_kib;
static atomic_long ready;       /* threads that stand where they will */
static atomic_bool stop;

static struct node *node_new(int depth)
{
    struct node *n = new_pointers(sizeof *n);
    *n = (struct node){ 0 };
    if (depth) {
        n->left = node_new(depth - 1);
        n->right = node_new(depth - 1);
    }
    return n;
}

static void trees_build(uint64_t mib)
{
    tree_count = (mib << 20) / (NODE_BYTES * ((2 << DEPTH) - 1));
    tree_count += tree_count == 0;
    tree = new_table(tree_count, sizeof *tree);
    for (uint64_t i = 0; i < tree_count; i++)
        tree[i] = node_new(DEPTH);
}

static uint64_t writes_found(const struct node *n)
{
    return n ? n->writes + writes_found(n->left) + writes_found(n->right) : 0;
}

/* ---- mappings ---- */

static struct node **held_by(long i)
{
    return (struct node **)(mapped + 2 * i * PAGE_BYTES);
}

/* Pages between them are given back, or the kernel would make one mapping of them. */
static void mappings_make(void)
{
    size_t bytes = 2 * (size_t)mappings * PAGE_BYTES;
    if (mappings == 0)
        return;
    mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED)
        fail("mmap: %s", strerror(errno));
    for (long i = 0; i < mappings; i++)
        if (munmap(mapped + (2 * i + 1) * PAGE_BYTES, PAGE_BYTES) != 0)
            fail("munmap: %s", strerror(errno));
    for (long i = 0; i < mappings; i++) {
        *held_by(i) = node_new(0);
        (*held_by(i))->writes = i;
    }
}

static void mappings_check(void)
{
    for (long i = 0; i < mappings; i++)
        if ((*held_by(i))->writes != (unsigned long)i)
            fail("what mapping %ld held is gone", i);
}

/* ---- threads ---- */

static struct node *leaf_at_random(struct rng *rng)
{
    struct node *n = tree[rng_below(rng, tree_count)];
    for (uint64_t way = rng_next(rng); n->left; way >>= 1)
        n = way & 1 ? n->left : n->right;
    return n;
}

/* Each thread's turn comes once in as many milliseconds as there are threads. Turns that it is late for are left out. */
static void write_now_and_then(struct worker *w)
{
    int64_t period = threads * 1000000, due = now_ns() + w->id * 1000000;
    while (!atomic_load(&stop)) {
        sleep_until(due);
        for (long i = 0; i < dirty; i++, w->sum++)
            atomic_fetch_add(&leaf_at_random(&w->rng)->writes, 1);
        due = due + period < now_ns() ? now_ns() : due + period;
    }
}

/* A kilobyte of stack full of pointers for each step down. */
static __attribute__((noinline)) uint64_t stand_deep(struct worker *w, long deep_kib)
{
    struct node *volatile frame[FRAME_WORDS];
    for (int i = 0; i < FRAME_WORDS; i++)
        frame[i] = leaf_at_random(&w->rng);
    if (deep_kib > 1)
        return stand_deep(w, deep_kib - 1) + frame[deep_kib % FRAME_WORDS]->writes;
    atomic_fetch_add(&ready, 1);
    write_now_and_then(w);
    return frame[0]->writes;
}

static void *write_from_deep(void *worker)
{
    stand_deep(worker, stack_kib);
    return NULL;
}

static void *run_threads(void *written)
{
    /* run_workers has a single worker on the calling thread: this one. */
    *(uint64_t *)written = run_workers(threads, write_from_deep);
    return NULL;
}

/* ---- the cycles ---- */

/* A line of /proc/self/status, in MiB. */
static double status_mib(const char *name)
{
    char line[256];
    double kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    if (!status)
        fail("/proc/self/status cannot be read");
    while (fgets(line, sizeof line, status))
        if (!strncmp(line, name, strlen(name)))
            kib = strtod(line + strlen(name) + 1, NULL);
    fclose(status);
    return kib / 1024;
}

static void say_what_the_pause_was(void)
{
    struct gcpre_stats stats;
    if (!gcpre_read_stats(&stats))
        return;
    result("stopping_ms", stats.pause_stopping_ns / 1e6);
    result("roots_ms", stats.pause_roots_ns / 1e6);
    result("written_ms", stats.pause_written_ns / 1e6);
    result("written_kib", stats.written_bytes / 1024.0);
}

static void collect_now_and_then(long cycles, long rest_ms)
{
    for (; cycles > 0; cycles--) {
        usleep(rest_ms * 1000);
        int64_t began = now_ns();
        heap_collect();
        result("collect_ms", (now_ns() - began) / 1e6);
        say_what_the_pause_was();
    }
}

static void say_memory(void)
{
    result("live_mib", (tree_count * ((2 << DEPTH) - 1) + mappings) * NODE_BYTES / 1048576.0);
    result("resident_mib", status_mib("VmRSS"));
    result("tables_mib", status_mib("VmPTE"));
}

int main(int argc, char **argv)
{
    heap_options(argc, argv);
    uint64_t live = scaled(option("live", 256, "MiB that live on"));
    threads = option("threads", 4, "threads that write");
    stack_kib = option("stack", 4, "KiB of stack that each has in use");
    mappings = option("mappings", 0, "mappings of a page, each with a pointer");
    dirty = option("dirty", 10, "pages written in a millisecond, by all threads together");
    long cycles = option("collections", 9, "cycles"), rest_ms = option("rest", 50, "milliseconds before each");
    heap_begin();
    if (!heap_can_collect()) {
        puts("absent gcpre_collect");
        return 0;
    }

    pthread_t runner;
    uint64_t written, found = 0;
    heap_hold();
    trees_build(live);
    mappings_make();
    thread_start(&runner, run_threads, &written);
    while (atomic_load(&ready) < threads)
        usleep(1000);
    heap_unhold();

    int64_t began = now_ns();
    collect_now_and_then(cycles, rest_ms);
    say_memory();
    atomic_store(&stop, true);
    pthread_join(runner, NULL);
    result("written_per_ms", written / ((now_ns() - began) / 1e6));

    mappings_check();
    for (uint64_t i = 0; i < tree_count; i++)
        found += writes_found(tree[i]);
    if (found != written)
        fail("%lu of %lu writes are found", found, written);
    heap_end();
    result_checksum(tree_count + mappings);
}
