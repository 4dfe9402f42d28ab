// Kernel interfaces newer than the headers of the oldest system we build on, as the kernel documents them:
// PAGEMAP_SCAN (Documentation/admin-guide/mm/pagemap.rst, Linux 6.7), PROCMAP_QUERY (include/uapi/linux/fs.h,
// Linux 6.11), userfaultfd's asynchronous write protection (admin-guide/mm/userfaultfd.rst, Linux 6.7).
#pragma once

#include <linux/ioctl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>

struct kernel_page_region {
    uint64_t start;
    uint64_t end;
    uint64_t categories;
};

struct kernel_pm_scan {
    uint64_t size;
    uint64_t flags;
    uint64_t start;
    uint64_t end;
    uint64_t walk_end;
    uint64_t vec;
    uint64_t vec_len;
    uint64_t max_pages;
    uint64_t category_inverted;
    uint64_t category_mask;
    uint64_t category_anyof_mask;
    uint64_t return_mask;
};

#define KERNEL_PAGEMAP_SCAN _IOWR('f', 16, struct kernel_pm_scan)

enum {
    KERNEL_PM_WP_MATCHING = 1 << 0,
    KERNEL_PM_CHECK_WPASYNC = 1 << 1,
};

enum {
    KERNEL_PAGE_IS_WRITTEN = 1 << 1,
    KERNEL_PAGE_IS_FILE = 1 << 2,
    KERNEL_PAGE_IS_PRESENT = 1 << 3,
    KERNEL_PAGE_IS_SWAPPED = 1 << 4,
    KERNEL_PAGE_IS_PFNZERO = 1 << 5,
};

struct kernel_procmap_query {
    uint64_t size;
    uint64_t query_flags;
    uint64_t query_addr;
    uint64_t vma_start;
    uint64_t vma_end;
    uint64_t vma_flags;
    uint64_t vma_page_size;
    uint64_t vma_offset;
    uint64_t inode;
    uint32_t dev_major;
    uint32_t dev_minor;
    uint32_t vma_name_size;
    uint32_t build_id_size;
    uint64_t vma_name_addr;
    uint64_t build_id_addr;
};

#define KERNEL_PROCMAP_QUERY _IOWR('f', 17, struct kernel_procmap_query)

enum {
    KERNEL_VMA_READABLE = 0x01,
    KERNEL_VMA_WRITABLE = 0x02,
    KERNEL_VMA_EXECUTABLE = 0x04,
    KERNEL_VMA_SHARED = 0x08,
    KERNEL_VMA_COVERING_OR_NEXT = 0x10,
};

// Feature bits of UFFDIO_API that older headers lack.
#define KERNEL_UFFD_FEATURE_WP_UNPOPULATED (1UL << 13)
#define KERNEL_UFFD_FEATURE_WP_ASYNC       (1UL << 15)
#define KERNEL_UFFD_USER_MODE_ONLY         1

// madvise(2), Linux 5.14.
#define KERNEL_MADV_POPULATE_WRITE 23
