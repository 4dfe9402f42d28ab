/* sharing: do two threads get parts of one cache line? The first thread takes neighbouring small
 * blocks and hands one to each thread, which frees it, and from then on takes a small block, writes
 * to it many times and frees it. An allocator that passes the given blocks on pays at each write. */
#include "bench.h"

static long rounds, writes, size;
static unsigned char **given;

static void *scratch(void *argument)
{
    struct worker *w = argument;
    free(given[w->id]);
    for (long round = 0; round < rounds; round++) {
        volatile unsigned char *mine = get(size);
        mine[0] = (unsigned char)round;
        for (long i = 0; i < writes; i++)
            mine[0]++;
        w->sum += mine[0];
        free((void *)mine);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    long threads = option("threads", 2, "threads");
    size = option("size", 8, "bytes a block");
    writes = option("writes", 1000, "writes to each block");
    rounds = scaled(option("rounds", 120000, "blocks a thread"));
    options_end();

    given = get(threads * sizeof *given);
    for (long i = 0; i < threads; i++)
        given[i] = get(size);
    result_checksum(run_workers(threads, scratch));
    free(given);
}
