// A block that was left to its finalizer is no leak, nor is what only it led to.
// env: GCPRE_STRESS=0 GCPRE_VERIFY=0 GCPRE_LEAKS=exit GCPRE_EXITCODE=23 GCPRE_REPORT=report
// config: default none
#include "check.h"

enum { BLOCKS = 300 };

struct block {
    struct block *child;
    char rest[100];
};

static int called;

static void finalize(void *p, void *arg)
{
    (void)p, (void)arg;
    ADD(called, 1);
}

NOINLINE static void make(void)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        struct block *b = (struct block *)calloc(1, sizeof *b + 8);
        CHECK(gcpre_set_finalizer(b, finalize, NULL) == 0);
        hidden was = hide(b);
        b = (struct block *)realloc(b, sizeof *b); // in place: it keeps what it has
        CHECK(hide(b) == was);
        b->child = (struct block *)calloc(1, sizeof *b);
        b->child->child = (struct block *)calloc(1, sizeof *b);
    }
}

int main(void)
{
    if (!gcpre_available()) return 0;
    make();
    WAIT_UNTIL((drop_and_collect(), GET(called) >= BLOCKS * 95 / 100));
    drop_and_collect();
    make(); // some are left at exit
    clear_stack();
}
