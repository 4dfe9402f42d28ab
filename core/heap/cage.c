#include "heap/cage.h"

#include "base/lock.h"
#include "base/log.h"
#include "base/meta.h"
#include "heap/span.h"
#include "sys/syscall.h"

#include <sys/auxv.h>
#include <sys/resource.h>

struct cage cage;

static struct lock guard = LOCK_INIT(LOCK_RANK_CAGE);
static _Atomic size_t lowest_limit = RLIM_INFINITY;

enum { LARGEST_SHIFT = 40, SMALLEST_SHIFT = 24, ADDRESS_BITS = 47 };
#define COMMIT_STEP    (1 * MIB)
#define LARGEST_MARGIN (4 * MIB)

static size_t limit_of(int resource)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    sys_call(SYS_prlimit64, 0, resource, 0, (long)&limit, 0, 0);
    return limit.rlim_cur;
}

// The share of a limited address space that the reservation may take: a quarter, since programs need theirs.
static unsigned shift_allowed(void)
{
    size_t limit = limit_of(RLIMIT_AS);
    unsigned shift = LARGEST_SHIFT;
    while (shift > SMALLEST_SHIFT && limit != RLIM_INFINITY && (1UL << shift) > limit / 3)
        shift--;
    return shift;
}

// Somewhere at random, so that heap addresses stay as unpredictable as the kernel's own choice; low prefixes are
// avoided because small integers look like them.
static bool reserve(unsigned shift)
{
    const uint64_t *random = (const uint64_t *)getauxval(AT_RANDOM);
    uint64_t places = 1UL << (ADDRESS_BITS - shift);
    uint64_t place = random ? random[0] ^ random[1] << 1 : (uintptr_t)&shift >> 4;
    for (int tries = 0; tries < 64; tries++, place = place * 6364136223846793005u + 1442695040888963407u) {
        uintptr_t base = ((place >> 17) % (places / 2) + places / 4) << shift;
        void *got = sys_mmap((void *)base, 1UL << shift, PROT_NONE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
        if (sys_failed((long)got))
            continue;
        if ((uintptr_t)got == base) {
            cage.base = base;
            cage.bytes = 1UL << shift;
            cage.shift = shift;
            return meta_own(base, base + cage.bytes);
        }
        sys_munmap(got, 1UL << shift); // an old kernel took the address for a hint
    }
    return false;
}

static bool reserve_tables(void)
{
    size_t units = cage.bytes >> UNIT_SHIFT;
    cage.units = meta_reserve(units * sizeof cage.units[0]);
    cage.pages = meta_reserve((cage.bytes >> PAGE_SHIFT) * sizeof cage.pages[0]);
    cage.words = meta_reserve(units * WORDS_PER_SPAN * sizeof cage.words[0]);
    cage.spans = meta_reserve(units * sizeof cage.spans[0]);
    cage.taints = meta_reserve(units);
    return cage.units && cage.pages && cage.words && cage.spans && cage.taints;
}

static void release_one(void *start, size_t bytes)
{
    if (start)
        meta_unmap_foreign(start, align_up(bytes, PAGE_BYTES));
}

static void release_all(void)
{
    size_t units = cage.bytes >> UNIT_SHIFT;
    release_one((void *)cage.base, cage.bytes);
    release_one((void *)cage.units, units * sizeof cage.units[0]);
    release_one((void *)cage.pages, (cage.bytes >> PAGE_SHIFT) * sizeof cage.pages[0]);
    release_one(cage.words, units * WORDS_PER_SPAN * sizeof cage.words[0]);
    release_one(cage.spans, units * sizeof cage.spans[0]);
    release_one((void *)cage.taints, units);
    cage = (struct cage){0};
}

bool cage_boot(void)
{
    unsigned shift = shift_allowed();
    cage_read_limits();
    for (; !(reserve(shift) && reserve_tables()); shift--) {
        release_all();
        if (shift == SMALLEST_SHIFT)
            return false;
    }
    cage.top = cage.base;
    cage.limit = cage.base +
                 UNIT_BYTES; // the base itself is in many a register and spill slot of ours: never a block
    return true;
}

void cage_read_limits(void)
{
    atomic_store_explicit(&lowest_limit, min_size(limit_of(RLIMIT_DATA), limit_of(RLIMIT_AS)),
                          memory_order_relaxed);
}

// Blocks must not take the last of a limit: what is freed later can be put to another use only by tables that grow (jemalloc's,
// large_alloc's), and a collection needs memory of its own.
static bool leaves_margin(void)
{
    size_t limit = atomic_load_explicit(&lowest_limit, memory_order_relaxed);
    if (limit == RLIM_INFINITY)
        return true;
    size_t bytes = align_up(min_size(LARGEST_MARGIN, limit / 32), PAGE_BYTES);
    void *margin = sys_mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                            -1, 0);
    if (sys_failed((long)margin))
        return false;
    sys_munmap(margin, bytes);
    return true;
}

// Makes memory up to `end` usable, its rows of the tables first. Steps are aligned to whole units.
static bool commit_locked(uintptr_t end)
{
    uintptr_t top = cage.top;
    if (end <= top)
        return true;
    end = min_size(align_up(end, COMMIT_STEP), cage.base + cage.bytes);
    size_t unit = cage_unit(top), units = (end - top) >> UNIT_SHIFT;
    if (!meta_commit((void *)&cage.units[unit], units * sizeof cage.units[0]) ||
        !meta_commit((void *)&cage.pages[cage_page(top)],
                     ((end - top) >> PAGE_SHIFT) * sizeof cage.pages[0]) ||
        !meta_commit(&cage.words[unit * WORDS_PER_SPAN], units * WORDS_PER_SPAN * sizeof cage.words[0]) ||
        !meta_commit(&cage.spans[unit], units * sizeof cage.spans[0]) ||
        !meta_commit((void *)&cage.taints[unit], units))
        return false;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
                      MAP_FIXED; // as the reservation's: see meta_commit
    if (sys_failed((long)sys_mmap((void *)top, end - top, PROT_READ | PROT_WRITE, flags, -1, 0)))
        return false;
    if (!leaves_margin()) {
        sys_mmap((void *)top, end - top, PROT_NONE, flags, -1, 0);
        return false;
    }
    atomic_store_explicit(&cage.top, end, memory_order_release);
    return true;
}

void *cage_carve(size_t bytes, size_t alignment)
{
    void *result = NULL;
    lock_acquire(&guard);
    uintptr_t start = align_up(cage.limit, alignment);
    if (start + bytes >= start && start + bytes <= cage.base + cage.bytes && commit_locked(start + bytes)) {
        cage.limit = start + bytes;
        result = (void *)start;
    }
    lock_release(&guard);
    return result;
}

size_t cage_table_bytes(void)
{
    size_t units = (atomic_load_explicit(&cage.limit, memory_order_relaxed) - cage.base) >> UNIT_SHIFT;
    return units * (sizeof cage.units[0] + (UNIT_BYTES >> PAGE_SHIFT) * sizeof cage.pages[0] +
                    WORDS_PER_SPAN * sizeof cage.words[0] + sizeof cage.spans[0] + sizeof cage.taints[0]);
}

void cage_fork_prepare(void) { lock_acquire(&guard); }

void cage_fork_done(void) { lock_release(&guard); }
