// Threads with the smallest stack that there is, and coroutines with less, allocate faster than the collector marks: they mark for it.
// env: GCPRE_GOGC=20 GCPRE_STRESS=0 GCPRE_VERIFY=0
#include "check.h"
#include <limits.h>
#include <ucontext.h>

enum { THREADS = 3, DEPTH = 18, ALLOCATIONS = 400000, COROUTINE_STACK = 8192 };
struct tree {
    struct tree *left, *right;
};

static struct tree *grow(int depth)
{
    struct tree *t = (struct tree *)malloc(sizeof *t);
    t->left = depth ? grow(depth - 1) : NULL;
    t->right = depth ? grow(depth - 1) : NULL;
    return t;
}

static unsigned count(const struct tree *t) { return t ? 1 + count(t->left) + count(t->right) : 0; }

static struct tree *volatile root;

static void allocate(void)
{
    for (int i = 0; i < ALLOCATIONS; i++) {
        struct tree *t = (struct tree *)malloc(48);
        t->left = root;
    }
}

static void *run(void *unused)
{
    allocate();
    return unused;
}

static ucontext_t back;

int main(void)
{
    pthread_attr_t attr;
    pthread_t threads[THREADS];
    ucontext_t coroutine;
    root = grow(DEPTH);
    CHECK(pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], &attr, run, NULL) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(getcontext(&coroutine) == 0);
    coroutine.uc_stack.ss_sp = malloc(COROUTINE_STACK);
    coroutine.uc_stack.ss_size = COROUTINE_STACK;
    coroutine.uc_link = &back;
    makecontext(&coroutine, allocate, 0);
    CHECK(swapcontext(&back, &coroutine) == 0);
    CHECK(count(root) == (2U << DEPTH) - 1);
}
