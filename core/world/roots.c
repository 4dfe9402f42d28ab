#include "world/roots.h"

#include "base/bits.h"
#include "base/log.h"
#include "base/meta.h"
#include "heap/guards.h"
#include "sys/kernel.h"
#include "sys/syscall.h"
#include "world/maps.h"
#include "world/pages.h"
#include "world/procfd.h"
#include "world/regions.h"
#include "world/stop.h"

enum { MAX_HOLES = 16384 };
#define COPY_BYTES (64 * KIB)
#define USER_END   0x7ffffffff000UL

static struct range *holes; // sorted and disjoint: what is not scanned
static size_t hole_count;
static char *copy; // COPY_BYTES, where running scans put what they look at
static size_t scanned_bytes;

// What the current scan does with words, and how it went.
static struct {
    roots_scan *scan;
    bool in_place;
    const char *problem;
} now;

bool roots_boot(void)
{
    if (!holes)
        holes = meta_map(MAX_HOLES * sizeof holes[0]);
    if (!copy)
        copy = meta_map(COPY_BYTES);
    return holes && copy;
}

static void sift_down(struct range *r, size_t i, size_t n)
{
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && r[child + 1].lo > r[child].lo)
            child++;
        if (r[i].lo >= r[child].lo)
            return;
        struct range t = r[i];
        r[i] = r[child];
        r[child] = t;
    }
}

// Heapsort: no memory, no libc, usable with the world stopped.
static void sort_ranges(struct range *r, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift_down(r, i, n);
    for (size_t end = n; end-- > 1;) {
        struct range t = r[0];
        r[0] = r[end];
        r[end] = t;
        sift_down(r, 0, end);
    }
}

static void collect_holes(const struct roots_hole *stacks, size_t count)
{
    size_t n = meta_ranges(holes, MAX_HOLES);
    for (size_t i = 0; i < count && n < MAX_HOLES; i++)
        if (stacks[i].lo < stacks[i].hi)
            holes[n++] = (struct range){stacks[i].lo, stacks[i].hi};
    sort_ranges(holes, n);
    hole_count = 0;
    for (size_t i = 0; i < n; i++) {
        struct range *last = hole_count ? &holes[hole_count - 1] : NULL;
        if (last && holes[i].lo <= last->hi)
            last->hi = max_size(last->hi, holes[i].hi);
        else
            holes[hole_count++] = holes[i];
    }
}

// By a thread at its end, the only one that runs in a stopped world: what it unmaps is nobody's any more.
static bool was_unmapped(uintptr_t address)
{
    struct mapping m;
    return world_has_leavers() && maps_refresh() && !(maps_next(address, 0, &m) && m.lo <= address);
}

static void look_at_copy(uintptr_t lo, uintptr_t hi, bool code)
{
    for (uintptr_t at = lo, next; at < hi; at = next) {
        size_t want = min_size(COPY_BYTES, hi - at);
        size_t got = procfd_read_memory(at, copy, want);
        now.scan(copy, got & ~(size_t)7, at, code);
        next = got == want ? at + got : align_down(at + got, PAGE_BYTES) + PAGE_BYTES;
        if (got < want && !now.problem && !was_unmapped(at + got))
            now.problem = "a root could not be read";
    }
}

// In place is safe for private pages that are present: with the world stopped nobody unmaps them, and a private page
// is not a file's any more. Shared ones may lie behind the end of a truncated file, inaccessible ones fault.
static void visit(uintptr_t lo, uintptr_t hi, uint32_t flags)
{
    scanned_bytes += hi - lo;
    bool code = flags & MAPPING_EXEC;
    if (now.in_place && (flags & (MAPPING_READ | MAPPING_SHARED)) == MAPPING_READ)
        now.scan((const void *)lo, hi - lo, lo, code);
    else
        look_at_copy(lo, hi, code);
}

static size_t hole_at(uintptr_t lo)
{
    size_t low = 0, high = hole_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (holes[middle].hi <= lo)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// [lo, hi) less the holes.
static void visit_outside_holes(uintptr_t lo, uintptr_t hi, uint32_t flags)
{
    for (size_t i = hole_at(lo); lo < hi; i++) {
        uintptr_t end = i < hole_count ? min_size(holes[i].lo, hi) : hi;
        if (lo < end)
            visit(lo, end, flags);
        if (i >= hole_count)
            break;
        lo = max_size(lo, holes[i].hi);
    }
}

// A run of present pages may span mappings, readable or not (PROT_NONE pools are copied, which the kernel allows).
static void visit_private(uintptr_t lo, uintptr_t hi)
{
    struct mapping m;
    while (lo < hi && maps_next(lo, 0, &m) && m.lo < hi) {
        visit_outside_holes(max_size(m.lo, lo), min_size(m.hi, hi), m.flags & ~(uint32_t)MAPPING_SHARED);
        lo = m.hi;
    }
}

static void visit_shared(uintptr_t lo, uintptr_t hi)
{
    visit_outside_holes(lo, hi, MAPPING_READ | MAPPING_SHARED);
}

// The gaps between the holes, so that the walk does not touch the heap's page tables.
static bool scan_private(void)
{
    uintptr_t at = PAGE_BYTES;
    bool done = true;
    for (size_t i = 0; i <= hole_count && done; i++) {
        uintptr_t end = i < hole_count ? min_size(holes[i].lo, USER_END) : USER_END;
        if (at < end) // whole pages; visit_outside_holes is exact
            done = pages_each(align_down(at, PAGE_BYTES), align_up(end, PAGE_BYTES), PAGES_PRIVATE,
                              visit_private);
        at = i < hole_count ? max_size(at, holes[i].hi) : end;
    }
    return done;
}

static bool scan_shared(void)
{
    struct mapping m;
    for (uintptr_t at = 0; maps_next(at, MAPPING_WRITE | MAPPING_SHARED, &m); at = m.hi)
        if (!pages_each(m.lo, m.hi, PAGES_ANY, visit_shared))
            return false;
    return true;
}

// Of the cage, which is a hole.
static void visit_guard(uintptr_t lo, uintptr_t hi, bool readable)
{
    if (!readable)
        visit(lo, hi, 0);
}

static void visit_region(uintptr_t lo, uintptr_t hi)
{
    lo = align_down(lo, 8);
    hi = align_up(hi, 8);
    scanned_bytes += hi - lo;
    look_at_copy(lo, hi, false);
}

static const char *scan_all(const struct roots_hole *stacks, size_t count, bool in_place, roots_scan *scan)
{
    maps_take_failure();
    if (!maps_refresh()) // may map a table, which is a hole then
        return "the list of mappings could not be read";
    collect_holes(stacks, count);
    now.scan = scan;
    now.in_place = in_place;
    now.problem = NULL;
    scanned_bytes = 0;
    if (!scan_private() || !scan_shared())
        return "the page map could not be read";
    guards_each(visit_guard);
    regions_each(visit_region);
    if (maps_take_failure())
        return "a mapping could not be asked for";
    return now.problem;
}

void roots_scan_running(const struct roots_hole *stacks, size_t count, roots_scan *scan)
{
    scan_all(stacks, count, false, scan); // what vanished meanwhile is no problem: the stopped scan decides
}

const char *roots_scan_stopped(const struct roots_hole *stacks, size_t count, roots_scan *scan)
{
    return scan_all(stacks, count, !world_has_leavers(), scan);
}

size_t roots_bytes(void) { return scanned_bytes; }

bool roots_mapping(uintptr_t address, uintptr_t *lo, uintptr_t *hi)
{
    struct mapping m;
    if (!maps_refresh() || !maps_next(address, 0, &m) || m.lo > address)
        return false;
    *lo = m.lo;
    *hi = m.hi;
    return true;
}
