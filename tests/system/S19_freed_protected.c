// Large blocks are freed as the program protected them, while cycles run, and their memory is at once somebody else's: the write barrier
// still sees what is stored there (with GCPRE_BARRIER=mprotect the access that is given back must not be that of the barrier's pages).
// env: GCPRE_STRESS=0
#include "check.h"

enum { PAGE = 4096, SIZE = (1 << 20) - 2 * PAGE, ROUNDS = 40, LIVE = 300000, CELLS = 400, CELL = 200, STRIDE = 64 };

static char **volatile table;
static char *volatile live;

NOINLINE static void fill(void)
{
    for (int i = 0; i < CELLS; i++) table[i * STRIDE] = branded((char *)malloc(CELL), CELL);
}

// So much that a cycle takes a while.
NOINLINE static void make_live(void)
{
    for (int i = 0; i < LIVE; i++) {
        char **p = (char **)malloc(64);
        *p = live;
        live = (char *)p;
    }
}

NOINLINE static void free_protected(unsigned *seed)
{
    void *p;
    CHECK(posix_memalign(&p, PAGE, SIZE) == 0);
    CHECK(mprotect((char *)p + SIZE - PAGE, PAGE, PROT_READ) == 0);
    usleep((useconds_t)rand_r(seed) % 20000);
    free(p);
}

int main(void)
{
    unsigned seed = 1;
    make_live();
    collector_start();
    for (int round = 0; round < ROUNDS; round++) {
        free_protected(&seed);
        table = (char **)calloc(1, SIZE);
        usleep((useconds_t)rand_r(&seed) % 10000);
        fill();
        clear_stack();
        wait_for_cycles(1);
        for (int i = 0; i < CELLS; i++) CHECK(is_whole(hide(table[i * STRIDE]), CELL), "round %d cell %d", round, i);
        free(table);
    }
    collector_stop_kept();
}
