// gcpre_add_roots: pointers in shared memory that this process may only read keep blocks alive while it is a root, and not before or after;
// what cannot be read lets nothing be reclaimed.
// env: GCPRE_STRESS=0
#include "check.h"

#include <sys/mman.h>

enum { POINTERS = 1000 };
#define BYTES (POINTERS * sizeof(void *))

static struct herd herd;
static void **writable, **readable;

// The mapping that is written is a root like any: it goes before a cycle sees it.
NOINLINE static void fill(int file)
{
    herd.count = 0;
    writable = (void **)mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK((void *)writable != MAP_FAILED);
    for (size_t i = 0; i < POINTERS; i++) writable[i] = herd_add(&herd, (char *)malloc(RARE_SIZE), RARE_SIZE);
    munmap((void *)writable, BYTES);
}

NOINLINE static size_t gone(void)
{
    size_t count = 0;
    drop_and_collect();
    for (size_t i = 0; i < herd.count; i++) count += !is_allocated(herd.at[i]);
    return count;
}

int main(void)
{
    CHECK(gcpre_add_roots(NULL, 0) == 0 && gcpre_remove_roots(NULL, 0) == 0);
    if (gcpre_available()) {
        CHECK(gcpre_add_roots(&herd, SIZE_MAX) == EINVAL);
        CHECK(gcpre_remove_roots(&herd, 8) == EINVAL);
    }
    int file = memfd_create("roots", 0);
    CHECK(file >= 0 && ftruncate(file, 1 << 16) == 0);
    readable = (void **)mmap(NULL, BYTES, PROT_READ, MAP_SHARED, file, 0);
    CHECK((void *)readable != MAP_FAILED);
    CHECK(gcpre_add_roots((void *)readable, BYTES) == 0);
    CHECK(gcpre_add_roots((void *)readable, BYTES) == 0);
    fill(file);
    CHECK(!gcpre_available() || gone() == 0, "%zu gone", gone());
    for (size_t i = 0; i < POINTERS; i++) CHECK(is_whole(hide(readable[i]), RARE_SIZE));
    CHECK(gcpre_remove_roots((void *)readable, BYTES) == 0);
    CHECK(!gcpre_available() || gone() == 0, "added twice, removed once");
    CHECK(gcpre_remove_roots((void *)readable, BYTES) == 0);
    if (!gcpre_available()) return 0;
    CHECK(gone() >= POINTERS * 95 / 100, "%zu gone", gone());
    CHECK(gcpre_add_roots((void *)readable, BYTES) == 0);
    munmap((void *)readable, BYTES);
    fill(file);
    CHECK(gone() == 0, "reclaimed beside a root that cannot be read");
    CHECK(gcpre_remove_roots((void *)readable, BYTES) == 0);
    CHECK(gone() >= POINTERS * 95 / 100);
}
