#include "base/sort.h"

static void swap(uint32_t *a, uint32_t *b)
{
    uint32_t was = *a;
    *a = *b;
    *b = was;
}

// No child comes behind its parent any more.
static void sift(uint32_t *heap, size_t at, size_t n, bool (*before)(uint32_t a, uint32_t b))
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        child += child + 1 < n && before(heap[child], heap[child + 1]);
        if (!before(heap[at], heap[child]))
            return;
        swap(&heap[at], &heap[child]);
    }
}

void sort_numbers(uint32_t *list, size_t n, bool (*before)(uint32_t a, uint32_t b))
{
    for (size_t i = n / 2; i-- > 0;)
        sift(list, i, n, before);
    for (size_t end = n; end-- > 1;) {
        swap(&list[0], &list[end]);
        sift(list, 0, end, before);
    }
}
