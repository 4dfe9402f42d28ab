#include "base/meta.h"

#include "base/bits.h"
#include "base/lock.h"
#include "sys/syscall.h"

#include <string.h>

enum { MAX_RANGES = 4096, ALLOC_CHUNK = 64 * 1024, ALIGN = 64 };

static struct lock guard = LOCK_INIT(LOCK_RANK_META);
static struct range ranges[MAX_RANGES]; // sorted, disjoint, neighbours merged; guarded by `guard`
static size_t range_count;
static size_t mapped_bytes;
static char *alloc_at, *alloc_end; // what is left of the current chunk of meta_alloc

static bool insert_locked(uintptr_t lo, uintptr_t hi)
{
    size_t i = 0;
    while (i < range_count && ranges[i].hi < lo)
        i++;
    if (i < range_count && ranges[i].lo <= hi) { // touches [i]: grow it, then swallow what it now reaches
        ranges[i].lo = min_size(ranges[i].lo, lo);
        ranges[i].hi = max_size(ranges[i].hi, hi);
        size_t next = i + 1;
        for (; next < range_count && ranges[next].lo <= ranges[i].hi; next++)
            ranges[i].hi = max_size(ranges[i].hi, ranges[next].hi);
        memmove(&ranges[i + 1], &ranges[next], (range_count - next) * sizeof ranges[0]);
        range_count -= next - i - 1;
        return true;
    }
    if (range_count == MAX_RANGES)
        return false;
    memmove(&ranges[i + 1], &ranges[i], (range_count - i) * sizeof ranges[0]);
    ranges[i] = (struct range){lo, hi};
    range_count++;
    return true;
}

static void remove_locked(uintptr_t lo, uintptr_t hi)
{
    for (size_t i = 0; i < range_count; i++) {
        struct range r = ranges[i];
        if (r.hi <= lo || r.lo >= hi)
            continue;
        memmove(&ranges[i], &ranges[i + 1], (range_count - i - 1) * sizeof ranges[0]);
        range_count--;
        if (r.lo < lo)
            insert_locked(r.lo, lo);
        if (r.hi > hi)
            insert_locked(hi, r.hi);
        i = (size_t)-1; // indices moved: look again from the start
    }
}

bool meta_own(uintptr_t lo, uintptr_t hi)
{
    lock_acquire(&guard);
    bool done = insert_locked(lo, hi);
    lock_release(&guard);
    return done;
}

void meta_disown(uintptr_t lo, uintptr_t hi)
{
    lock_acquire(&guard);
    remove_locked(lo, hi);
    lock_release(&guard);
}

static void *map_owned(size_t bytes, int prot, int flags)
{
    void *start = sys_mmap(NULL, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    if (sys_failed((long)start))
        return NULL;
    if (!meta_own((uintptr_t)start, (uintptr_t)start + bytes)) {
        sys_munmap(start, bytes);
        return NULL;
    }
    return start;
}

bool meta_unmap_foreign(void *start, size_t bytes)
{
    lock_acquire(&guard);
    int error = sys_munmap(start, bytes);
    if (!error)
        remove_locked((uintptr_t)start, (uintptr_t)start + bytes);
    lock_release(&guard);
    return error == 0;
}

void *meta_map(size_t bytes)
{
    bytes = align_up(bytes, PAGE_BYTES);
    void *start = map_owned(bytes, PROT_READ | PROT_WRITE, 0);
    if (start)
        __atomic_fetch_add(&mapped_bytes, bytes, __ATOMIC_RELAXED);
    return start;
}

void meta_unmap(void *start, size_t bytes)
{
    bytes = align_up(bytes, PAGE_BYTES);
    lock_acquire(&guard); // M1: nobody may be given these addresses before they are off the list
    sys_munmap(start, bytes);
    remove_locked((uintptr_t)start, (uintptr_t)start + bytes);
    lock_release(&guard);
    __atomic_fetch_sub(&mapped_bytes, bytes, __ATOMIC_RELAXED);
}

void meta_drop(void *start, size_t bytes)
{
    void *was;
    memcpy(&was, start, sizeof was);
    memset(start, 0, sizeof was);
    __asm__ volatile("" ::: "memory");
    if (was)
        meta_unmap(was, bytes);
}

// Readable, not inaccessible: a table's untouched part reads as zeros, so look-ups need no bounds check; and not
// writable, so that it counts neither against RLIMIT_DATA nor against strict overcommit.
void *meta_reserve(size_t bytes) { return map_owned(align_up(bytes, PAGE_BYTES), PROT_READ, MAP_NORESERVE); }

// By mmap, not mprotect: filters that end a process for the latter are in use (OpenSSH's).
bool meta_commit(void *start, size_t bytes)
{
    uintptr_t lo = align_up((uintptr_t)start, PAGE_BYTES); // the page before has what was committed before
    uintptr_t hi = align_up((uintptr_t)start + bytes, PAGE_BYTES);
    return lo >= hi ||
           !sys_failed((long)sys_mmap((void *)lo, hi - lo, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0));
}

void *meta_alloc(size_t bytes)
{
    void *result = NULL;
    bytes = align_up(bytes, ALIGN);
    if (bytes > ALLOC_CHUNK / 4)
        return meta_map(bytes);
    lock_acquire(&guard);
    if ((size_t)(alloc_end - alloc_at) < bytes) {
        char *chunk = sys_mmap(NULL, ALLOC_CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (!sys_failed((long)chunk) && insert_locked((uintptr_t)chunk, (uintptr_t)chunk + ALLOC_CHUNK)) {
            alloc_at = chunk;
            alloc_end = chunk + ALLOC_CHUNK;
            __atomic_fetch_add(&mapped_bytes, ALLOC_CHUNK, __ATOMIC_RELAXED);
        }
    }
    if ((size_t)(alloc_end - alloc_at) >= bytes) {
        result = alloc_at;
        alloc_at += bytes;
    }
    lock_release(&guard);
    return result;
}

size_t meta_ranges(struct range *out, size_t room)
{
    lock_acquire(&guard);
    memcpy(out, ranges, min_size(range_count, room) * sizeof ranges[0]);
    size_t count = range_count;
    lock_release(&guard);
    return count;
}

size_t meta_mapped_bytes(void) { return __atomic_load_n(&mapped_bytes, __ATOMIC_RELAXED); }

void meta_fork_prepare(void) { lock_acquire(&guard); }

void meta_fork_done(void) { lock_release(&guard); }
