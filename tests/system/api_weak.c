// Weak references: they lead to a block as long as something else does, and from then on to nothing, whoever asks when.
// env: GCPRE_STRESS=0
#include "check.h"

enum { BLOCKS = 600 };

static const size_t sizes[] = {24, 700, 30000, 200000};
static char *volatile kept[BLOCKS];
static struct gcpre_weak *refs[BLOCKS];
static hidden at[BLOCKS];
static size_t size;

NOINLINE static void make(void)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        kept[i] = branded((char *)malloc(size), size);
        at[i] = hide(kept[i]);
        refs[i] = gcpre_weak_new(kept[i] + i % 8);
        CHECK(refs[i]);
    }
}

NOINLINE static size_t set(void)
{
    size_t count = 0;
    for (size_t i = 0; i < BLOCKS; i++) {
        hidden is = hide(gcpre_weak_get(refs[i]));
        CHECK(unhide(is) == NULL || unhide(is) == unhide(at[i]) + i % 8);
        if (unhide(is)) CHECK(is_whole(at[i], size), "block %zu of %zu bytes", i, size);
        count += unhide(is) != NULL;
    }
    return count;
}

NOINLINE static void keep_every(size_t n)
{
    for (size_t i = 0; i < BLOCKS; i++)
        if (i % n) kept[i] = NULL;
}

NOINLINE static void again(void)
{
    for (size_t i = 0; i < BLOCKS; i++) kept[i] = NULL;
    for (size_t i = 0; i < BLOCKS; i++) kept[i] = (char *)gcpre_weak_get(refs[i]);
}

NOINLINE static void free_all(void)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        bool was = gcpre_weak_get(refs[i]) != NULL;
        if (was) free(kept[i] - i % 8);
        kept[i] = NULL;
    }
}

static void forget_all(void)
{
    for (size_t i = 0; i < BLOCKS; i++) gcpre_weak_free(refs[i]);
}

static void try(void)
{
    make();
    CHECK(set() == BLOCKS);
    collect();
    CHECK(set() == BLOCKS);
    again(); // now by the weak references alone
    collect();
    CHECK(set() == BLOCKS, "of %zu bytes: %zu", size, set());
    keep_every(3);
    clear_stack();
    collect();
    size_t left = set();
    CHECK(left >= BLOCKS / 3 && left < BLOCKS / 3 + BLOCKS / 20, "of %zu bytes: %zu", size, left);
    again();
    CHECK(set() == left);
    free_all();
    CHECK(set() == 0);
    forget_all();
}

static void without(void)
{
    size = 24;
    make();
    CHECK(set() == BLOCKS);
    forget_all();
}

int main(void)
{
    static char global;
    struct gcpre_weak *outside = gcpre_weak_new(&global), *nothing = gcpre_weak_new(NULL);
    if (gcpre_available())
        for (size_t i = 0; i < COUNT(sizes); i++) {
            size = sizes[i];
            try();
        }
    else
        without();
    collect();
    CHECK(gcpre_weak_get(outside) == &global && gcpre_weak_get(nothing) == NULL);
    gcpre_weak_free(outside);
    gcpre_weak_free(nothing);
    gcpre_weak_free(NULL);
}
