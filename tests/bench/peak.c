/* peak: a gigabyte is built, most of it goes, and the program sleeps until its memory is with the system again (after shrunk_s seconds),
 * a minute at most; what is resident then is resident_mib. */
#include "heap.h"

enum { BYTES = 500, LONGEST_S = 60 };

static long resident_mib(void)
{
    long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (!statm || fscanf(statm, "%*d %ld", &pages) != 1)
        fail("/proc/self/statm cannot be read");
    fclose(statm);
    return pages * 4 >> 10;
}

static __attribute__((noinline)) void build(void **table, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        table[i] = memset(new_data(BYTES), 1, BYTES);
}

static __attribute__((noinline)) void let_go(void **table, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        drop(table[i]);
        table[i] = NULL;
    }
}

int main(int argc, char **argv)
{
    heap_options(argc, argv);
    uint64_t peak = option("peak", 1024, "MiB at the peak"), live = option("live", 32, "MiB that stay, beside a table");
    long enough = option("enough", 80, "MiB resident that count as shrunk");
    heap_begin();
    uint64_t count = (peak << 20) / BYTES;
    void **table = new_table(count, sizeof *table);
    build(table, count);
    let_go(table, (live << 20) / BYTES, count);
    int64_t begun = now_ns();
    while (resident_mib() >= enough && now_ns() - begun < LONGEST_S * INT64_C(1000000000))
        usleep(100000);
    result("shrunk_s", (now_ns() - begun) / 1e9);
    result("resident_mib", resident_mib());
    let_go(table, 0, (live << 20) / BYTES);
    heap_end();
    result_checksum(count);
}
