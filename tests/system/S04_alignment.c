// Every allocating function: alignment, zeroing, distinct non-NULL blocks for size 0, EINVAL and an untouched result.
// cflags: -fno-builtin
#include "check.h"
#include <malloc.h>

static bool is_aligned(const void *p, size_t alignment) { return p && (uintptr_t)p % alignment == 0; }

static void check_sixteen(void)
{
    for (size_t size = 0; size < 3000; size++) {
        char *p = (char *)malloc(size), *q = (char *)calloc(1, size), *r = (char *)realloc(NULL, size);
        CHECK(is_aligned(p, 16) && is_aligned(q, 16) && is_aligned(r, 16), "size %zu", size);
        CHECK(p != q && q != r && p != r);
        for (size_t i = 0; i < size; i++) CHECK(q[i] == 0, "size %zu", size);
        memset(p, 0xee, size), memset(q, 0xdd, size), memset(r, 0xcc, size);
        for (size_t i = 0; i < size; i++) CHECK(p[i] == (char)0xee && q[i] == (char)0xdd && r[i] == (char)0xcc, "overlap");
        free(p), free(q), free(r);
    }
    for (size_t size = 4000; size < 4 << 20; size = size * 5 / 4) {
        char *p = (char *)memset(malloc(size), 0xaa, size);
        free(p);
        char *q = (char *)calloc(size / 8, 8);
        CHECK(is_aligned(q, 16));
        for (size_t i = 0; i < size / 8 * 8; i++) CHECK(q[i] == 0, "calloc of %zu, byte %zu", size, i);
        free(q);
    }
}

static void check_alignments(void)
{
    for (size_t alignment = sizeof(void *); alignment <= 1 << 20; alignment *= 2) {
        for (size_t size = 0; size < 100000; size = size * 4 + 1) {
            void *blocks[3] = {memalign(alignment, size), aligned_alloc(alignment, size), NULL};
            CHECK(posix_memalign(&blocks[2], alignment, size) == 0);
            for (size_t i = 0; i < 3; i++) {
                CHECK(is_aligned(blocks[i], alignment), "function %zu, alignment %zu, size %zu", i, alignment, size);
                CHECK(malloc_usable_size(blocks[i]) >= size);
                memset(blocks[i], (int)i, size);
            }
            for (size_t i = 0; i < 3; i++) {
                for (size_t at = 0; at < size; at++) CHECK(((char *)blocks[i])[at] == (char)i, "overlap");
                free(blocks[i]);
            }
        }
    }
    void *page = valloc(100), *pages = pvalloc(4097);
    CHECK(is_aligned(page, 4096) && is_aligned(pages, 4096) && malloc_usable_size(pages) >= 8192);
    free(page), free(pages);
    void *rounded = memalign(48, 100);  // glibc rounds up to a power of two
    CHECK(is_aligned(rounded, 64));
    free(rounded);
}

static void check_bad_alignments(void)
{
    static const size_t bad[] = {0, 1, 2, 4, 12, 24, 100, 4097};
    for (size_t i = 0; i < COUNT(bad); i++) {
        void *result = &result;
        CHECK(posix_memalign(&result, bad[i], 64) == EINVAL, "alignment %zu", bad[i]);
        CHECK(result == &result, "posix_memalign wrote its result");
    }
}

int main(void)
{
    check_sixteen();
    check_alignments();
    check_bad_alignments();
}
