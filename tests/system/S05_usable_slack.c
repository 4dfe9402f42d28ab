// Programs write into the slack that malloc_usable_size grants, then realloc: all of it is copied, the size never changes.
#include "check.h"
#include <malloc.h>

int main(void)
{
    collector_start();
    for (size_t size = 1; size < 200000; size += size / 7 + 1) {
        char *p = (char *)malloc(size);
        size_t usable = malloc_usable_size(p);
        CHECK(usable >= size);
        for (size_t i = 0; i < usable; i++) p[i] = (char)(i * 7);
        for (int i = 0; i < 5; i++) CHECK(malloc_usable_size(p) == usable, "%zu", size);
        char *q = (char *)realloc(p, usable * 3 + 1);
        for (size_t i = 0; i < usable; i++) CHECK(q[i] == (char)(i * 7), "byte %zu of %zu", i, size);
        q = (char *)realloc(q, usable / 2 + 1);
        for (size_t i = 0; i < usable / 2 + 1; i++) CHECK(q[i] == (char)(i * 7), "byte %zu of %zu", i, size);
        free(q);
    }
    collector_stop();
    CHECK(malloc_usable_size(NULL) == 0);
}
