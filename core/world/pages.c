#include "world/pages.h"

#include "base/bits.h"
#include "sys/kernel.h"
#include "sys/syscall.h"
#include "world/maps.h"
#include "world/procfd.h"

#include <errno.h>

enum { REGIONS = 1024, ENTRIES = 4096 };

static bool no_scan; // the kernel does not know PAGEMAP_SCAN

static int scan(uintptr_t lo, uintptr_t hi, enum pages_kind kind, void (*visit)(uintptr_t lo, uintptr_t hi))
{
    static struct kernel_page_region regions[REGIONS];
    const uint64_t present = KERNEL_PAGE_IS_PRESENT, swapped = KERNEL_PAGE_IS_SWAPPED;
    const uint64_t unwanted = kind == PAGES_PRIVATE    ? KERNEL_PAGE_IS_FILE
                              : kind == PAGES_RESIDENT ? KERNEL_PAGE_IS_PFNZERO
                                                       : 0;
    while (lo < hi) {
        struct kernel_pm_scan s = {
            .size = sizeof s,
            .start = lo,
            .end = hi,
            .vec = (uintptr_t)regions,
            .vec_len = REGIONS,
            .category_inverted = unwanted,
            .category_mask = unwanted,
            .category_anyof_mask = kind == PAGES_RESIDENT ? present : present | swapped,
            .return_mask = KERNEL_PAGE_IS_FILE, // one category, so that runs are as long as they can be
        };
        int found = sys_ioctl(procfd_pagemap(), KERNEL_PAGEMAP_SCAN, &s);
        if (found < 0)
            return found;
        if (s.walk_end <= lo) // a kernel, or a filter in front of it, that says yes and does nothing
            return -ENOTTY;
        for (int i = 0; i < found; i++)
            visit(regions[i].start, regions[i].end);
        lo = s.walk_end;
    }
    return 0;
}

static bool holds(uint64_t entry, enum pages_kind kind)
{
    const uint64_t present = 1UL << 63, swapped = 1UL << 62, file = 1UL << 61;
    if (kind == PAGES_RESIDENT)
        return entry & present;
    return (entry & (present | swapped)) && !(kind == PAGES_PRIVATE && (entry & file));
}

// A mapping's pages one by one (Documentation/admin-guide/mm/pagemap.rst).
static bool walk(uintptr_t lo, uintptr_t hi, enum pages_kind kind, void (*visit)(uintptr_t lo, uintptr_t hi))
{
    static uint64_t entries[ENTRIES];
    uintptr_t run = 0;
    while (lo < hi) {
        size_t want = min_size(ENTRIES, (hi - lo) >> PAGE_SHIFT);
        ssize_t got = sys_pread(procfd_pagemap(), entries, want * sizeof entries[0], (lo >> PAGE_SHIFT) * 8);
        if (got <= 0)
            return false;
        for (size_t i = 0; i < (size_t)got / 8; i++, lo += PAGE_BYTES) {
            bool holding = holds(entries[i], kind);
            if (holding && !run)
                run = lo;
            if (!holding && run) {
                visit(run, lo);
                run = 0;
            }
        }
    }
    if (run)
        visit(run, hi);
    return true;
}

bool pages_each(uintptr_t lo, uintptr_t hi, enum pages_kind kind, void (*visit)(uintptr_t lo, uintptr_t hi))
{
    struct mapping m;
    if (!no_scan) {
        int error = scan(lo, hi, kind, visit);
        if (error != -ENOTTY)
            return error == 0;
        no_scan = true;
    }
    for (; lo < hi && maps_next(lo, 0, &m) && m.lo < hi; lo = m.hi)
        if (!walk(max_size(lo, m.lo), min_size(m.hi, hi), kind, visit))
            return false;
    return true;
}
