#include "world/written.h"

#include "base/clock.h"
#include "base/meta.h"
#include "heap/cage.h"

enum { FAULT_NS = 1000, SHARE = 30 };
#define CREDIT_MOST_NS 200000000
#define COMMIT_PAGES   ((size_t)256 << 10) // of the cage: a gigabyte

static uint32_t *table; // per page of the cage; NULL: nobody asks
static size_t committed;
static uint32_t now, begun; // moments
static uint32_t windows;
static uint64_t opened_ns, watched_ns; // opened_ns 0: no window
static int64_t credit_ns, credited_ns; // credited_ns: up to which processor time

bool written_boot(void)
{
    table = meta_reserve((cage.bytes >> PAGE_SHIFT) * sizeof table[0]);
    return table;
}

bool written_is_asked_for(void) { return table; }

// Of all threads but this one, the collector.
static int64_t programs_cpu_ns(void) { return (int64_t)(clock_process_cpu_ns() - clock_thread_cpu_ns()); }

void written_begin(void)
{
    begun = now = (uint32_t)(clock_ns() >> WRITTEN_SHIFT);
    opened_ns = 0;
    windows = 0;
    credit_ns = 0;
    credited_ns = programs_cpu_ns();
}

void written_look(uintptr_t top)
{
    size_t pages = min_size(align_up((top - cage.base) >> PAGE_SHIFT, COMMIT_PAGES),
                            cage.bytes >> PAGE_SHIFT);
    now = (uint32_t)(clock_ns() >> WRITTEN_SHIFT) + 1; // the fetch in the stopped world comes after it
    if (table && pages > committed && meta_commit(&table[committed], (pages - committed) * sizeof table[0]))
        committed = pages;
}

void written_note(uintptr_t lo, uintptr_t hi)
{
    size_t end = table ? min_size((hi - cage.base) >> PAGE_SHIFT, committed) : 0;
    for (size_t page = (lo - cage.base) >> PAGE_SHIFT; page < end; page++)
        table[page] = now;
}

static void earn(void)
{
    int64_t at = programs_cpu_ns(), earned = credit_ns + (at - credited_ns) / SHARE;
    credit_ns = earned < CREDIT_MOST_NS ? earned : CREDIT_MOST_NS;
    credited_ns = at;
}

bool written_may_watch(void)
{
    if (!table)
        return false;
    earn();
    return credit_ns >= 0;
}

void written_window_opens(void) { opened_ns = clock_ns(); }

void written_window_ends(size_t bytes)
{
    if (!opened_ns)
        return;
    credit_ns -= (int64_t)(bytes >> PAGE_SHIFT) * FAULT_NS;
    watched_ns += clock_ns() - opened_ns;
    opened_ns = 0;
    windows++;
}

void written_lose_track(void) { written_begin(); }

uint32_t written_last(uintptr_t address, size_t bytes)
{
    size_t page = (address - cage.base) >> PAGE_SHIFT, end = (address + bytes - 1 - cage.base) >> PAGE_SHIFT;
    uint32_t last = begun;
    if (end >= committed)
        return now;
    for (; page <= end; page++)
        last = table[page] > last ? table[page] : last;
    return last;
}

uint32_t written_windows(void) { return windows; }

uint64_t written_watched_ns(void) { return watched_ns; }
