// What cannot be had: ENOMEM from PTRDIFF_MAX on, overflow checks, results and originals untouched; free keeps errno.
// cflags: -fno-builtin -Wno-alloc-size-larger-than
#include "check.h"
#include <malloc.h>

#define REFUSED(expression) do { errno = 0; CHECK((expression) == NULL && errno == ENOMEM, "errno %d", errno); } while (0)

int main(void)
{
    const size_t huge[] = {PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1, SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 4096, SIZE_MAX / 2};
    for (size_t i = 0; i < COUNT(huge); i++) {
        char *p = branded((char *)malloc(100), 100);
        REFUSED(malloc(huge[i]));
        REFUSED(calloc(1, huge[i]));
        REFUSED(calloc(huge[i], 3));
        REFUSED(realloc(NULL, huge[i]));
        REFUSED(realloc(p, huge[i]));
        REFUSED(reallocarray(p, huge[i], 1));
        REFUSED(reallocarray(p, huge[i], 16));
        REFUSED(memalign(64, huge[i]));
        REFUSED(aligned_alloc(64, huge[i]));
        REFUSED(valloc(huge[i]));
        REFUSED(pvalloc(huge[i]));
        void *result = &result;
        CHECK(posix_memalign(&result, 64, huge[i]) == ENOMEM && result == &result);
        CHECK(is_whole(hide(p), 100), "a failed realloc touched its block");
        free(p);
    }
    REFUSED(calloc((size_t)1 << 32, (size_t)1 << 32));
    REFUSED(calloc(3, SIZE_MAX / 3 + 1));
    REFUSED(reallocarray(NULL, (size_t)1 << 33, (size_t)1 << 31));
    REFUSED(memalign((size_t)1 << 62, 100));

    for (size_t size = 1; size < 100 << 20; size = size * 3) {
        void *p = malloc(size);
        errno = 4711;
        free(p);
        CHECK(errno == 4711, "free of %zu bytes", size);
    }
    free(NULL);
    CHECK(errno == 4711);
}
