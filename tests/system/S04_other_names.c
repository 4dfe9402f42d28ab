// Names that the C library lacks or hides: free_sized, free_aligned_sized, cfree. Each frees, seen by gcpre_is_heap.
// needs-library: yes
#include "check.h"
#include <dlfcn.h>
#include <malloc.h>

int main(void)
{
    void (*free_sized)(void *, size_t) = (void (*)(void *, size_t))dlsym(RTLD_DEFAULT, "free_sized");
    void (*free_aligned_sized)(void *, size_t, size_t) = (void (*)(void *, size_t, size_t))dlsym(RTLD_DEFAULT, "free_aligned_sized");
    void (*cfree)(void *) = (void (*)(void *))dlsym(RTLD_DEFAULT, "cfree");
    CHECK(free_sized && free_aligned_sized && cfree);
    for (size_t size = 1; size < 1000000; size *= 3) {
        void *p = malloc(size), *q = aligned_alloc(64, size), *r = calloc(size, 2);
        errno = 4711;
        free_sized(p, size);
        free_aligned_sized(q, 64, size);
        cfree(r);
        CHECK(errno == 4711);
    }
    free_sized(NULL, 0);
    free_aligned_sized(NULL, 64, 0);
    cfree(NULL);
}
