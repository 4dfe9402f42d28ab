// Finalizers: each runs once, on a thread that is nobody else's, with its block and all that the block leads to as they were; who keeps the
// block has it; of blocks that lead to each other the first goes first, and a ring never. Not of blocks that were freed. A child has those that
// were left.
// env: GCPRE_STRESS=0
#include "check.h"

enum { BLOCKS = 400, SIZE = 900, CHILD = RARE_SIZE };

struct block {
    char *child;
    struct block *next;
    size_t number, size;
    hidden self;
    int round;
    struct gcpre_weak *weak;
    char rest[];
};

static int called, wrong, round_now; // called: of this round's blocks; a stale word may have held one of a former round
static pthread_t main_thread;
static struct block *volatile kept[BLOCKS];
static struct block *volatile revived[BLOCKS];
static hidden at[BLOCKS];
static int first_was[BLOCKS];

static bool is_intact(const struct block *b)
{
    for (size_t i = 0; i < b->size - sizeof *b; i++)
        if (b->rest[i] != brand((const char *)b)) return false;
    return b->self == hide(b) && is_whole(hide(b->child), CHILD);
}

static void count(const struct block *b)
{
    if (b->round == GET(round_now)) ADD(called, 1);
}

NOINLINE static void next_round(void)
{
    drop_and_collect();
    ADD(round_now, 1);
    SET(called, 0);
}

// The argument is a block that nothing else refers to, too.
static void look(const struct block *b, char *arg)
{
    if (!is_intact(b) || !is_whole(hide(arg), CHILD) || pthread_equal(pthread_self(), main_thread)) ADD(wrong, 1);
    if (b->weak && gcpre_weak_get(b->weak)) ADD(wrong, 1);
    gcpre_weak_free(b->weak);
    count(b);
}

static void forget(void *p, void *arg)
{
    struct block *b = (struct block *)p;
    look(b, (char *)arg);
    free(b->child);
    free(arg);
}

static void free_it(void *p, void *arg)
{
    forget(p, arg);
    free(p);
}

static void revive(void *p, void *arg)
{
    struct block *b = (struct block *)p;
    look(b, (char *)arg);
    free(arg);
    revived[b->number] = b;
}

static void first(void *p, void *arg)
{
    (void)arg;
    SET(first_was[((struct block *)p)->number], 1);
}

static void second(void *p, void *arg)
{
    (void)arg;
    if (!GET(first_was[((struct block *)p)->number])) ADD(wrong, 1);
    count((struct block *)p);
}

NOINLINE static struct block *make_block(size_t i, size_t size)
{
    struct block *b = (struct block *)branded((char *)malloc(size), size);
    b->child = branded((char *)malloc(CHILD), CHILD);
    b->next = NULL;
    b->number = i;
    b->size = size;
    b->self = hide(b);
    b->round = GET(round_now);
    b->weak = NULL;
    return b;
}

NOINLINE static void make(size_t size, void (*finalize)(void *p, void *arg), bool weak)
{
    next_round();
    for (size_t i = 0; i < BLOCKS; i++) {
        kept[i] = make_block(i, size);
        at[i] = hide(kept[i]);
        if (weak) kept[i]->weak = gcpre_weak_new(kept[i]);
        CHECK(gcpre_set_finalizer(kept[i], finalize, branded((char *)malloc(CHILD), CHILD)) == 0);
    }
}

NOINLINE static void lose(struct block *volatile *from)
{
    for (size_t i = 0; i < BLOCKS; i++) from[i] = NULL;
}

static int left_of(void)
{
    int left = 0;
    for (size_t i = 0; i < BLOCKS; i++) left += is_allocated(at[i]);
    return left;
}

// Few blocks may be held by stale words.
static void expect(int count)
{
    WAIT_UNTIL((drop_and_collect(), GET(called) >= count * 95 / 100));
    CHECK(GET(called) <= count && GET(wrong) == 0, "%d calls, %d wrong", called, wrong);
}

static void expect_gone(void)
{
    WAIT_UNTIL((drop_and_collect(), left_of() <= BLOCKS / 10));
}

static void try(size_t size, void (*finalize)(void *p, void *arg))
{
    make(size, finalize, true);
    drop_and_collect();
    CHECK(GET(called) == 0, "%d calls for blocks that are alive", called);
    lose(kept);
    expect(BLOCKS);
    expect_gone();
    CHECK(GET(called) <= BLOCKS);
}

static void come_back(size_t size)
{
    make(size, revive, false);
    lose(kept);
    expect(BLOCKS);
    drop_and_collect();
    int back = 0;
    for (size_t i = 0; i < BLOCKS; i++) {
        if (!revived[i]) continue;
        back++;
        CHECK(is_allocated(at[i]) && is_intact(revived[i]), "block %zu", i);
    }
    CHECK(back == GET(called));
    lose(revived);
    expect_gone();
    CHECK(GET(called) <= BLOCKS && GET(wrong) == 0); // not twice
}

// The second by another block, without a finalizer.
NOINLINE static void make_pairs(void)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        struct block *a = make_block(i, SIZE), *between = make_block(i, SIZE), *b = make_block(i, SIZE);
        a->next = between;
        between->next = b;
        at[i] = hide(b);
        CHECK(gcpre_set_finalizer(b, second, NULL) == 0 && gcpre_set_finalizer(a, first, NULL) == 0);
    }
}

static void in_order(void)
{
    next_round();
    make_pairs();
    expect(BLOCKS);
    expect_gone();
}

NOINLINE static void make_rings(void)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        struct block *a = make_block(i, SIZE), *b = make_block(i, SIZE);
        a->next = b;
        b->next = a;
        at[i] = hide(a);
        CHECK(gcpre_set_finalizer(a, second, NULL) == 0);
    }
}

NOINLINE static void open_rings(void)
{
    for (size_t i = 0; i < BLOCKS; i++) CHECK(gcpre_set_finalizer(unhide(at[i]), NULL, NULL) == 0);
}

static void rings(void)
{
    next_round();
    make_rings();
    drop_and_collect();
    CHECK(GET(called) == 0 && left_of() == BLOCKS);
    open_rings();
    expect_gone();
    CHECK(GET(wrong) == 0);
}

NOINLINE static void free_or_unset(void)
{
    for (size_t i = 0; i < BLOCKS; i++)
        if (i % 3 == 0) free(kept[i]);
        else if (i % 3 == 1) CHECK(gcpre_set_finalizer(kept[i], NULL, NULL) == 0);
        else CHECK((kept[i] = (struct block *)realloc(kept[i], SIZE * 4)) != NULL); // moves
}

static void not_any_more(void)
{
    make(SIZE, forget, false);
    free_or_unset();
    lose(kept);
    drop_and_collect();
    drop_and_collect();
    CHECK(GET(called) == 0, "%d calls", called);
}

static void in_child(void)
{
    make(SIZE, forget, false);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        lose(kept);
        WAIT_UNTIL((drop_and_collect(), GET(called) >= BLOCKS * 95 / 100));
        _exit(wrong != 0);
    }
    expect_child(child, 0);
    lose(kept);
    drop_and_collect();
}

static void refused(void)
{
    static int outside;
    char *p = (char *)malloc(100);
    kept[0] = (struct block *)p;
    CHECK(gcpre_set_finalizer(&outside, first, NULL) == EINVAL && gcpre_set_finalizer(NULL, first, NULL) == EINVAL);
    CHECK(gcpre_set_finalizer(p, first, p + 4) == EINVAL);
    CHECK(gcpre_set_finalizer(p, NULL, NULL) == 0 && gcpre_set_finalizer(p, first, NULL) == 0);
    CHECK(gcpre_set_finalizer(p, second, NULL) == EEXIST && gcpre_set_finalizer(p, NULL, NULL) == 0);
    free(p);
    kept[0] = NULL;
}

int main(void)
{
    main_thread = pthread_self();
    if (!gcpre_available()) {
        char *p = (char *)malloc(100);
        CHECK(gcpre_set_finalizer(p, first, NULL) == ENOSYS && gcpre_set_finalizer(p, NULL, NULL) == ENOSYS);
        free(p);
        return 0;
    }
    refused();
    try(SIZE, forget);
    try(150000, forget);
    try(SIZE, free_it);
    try(150000, free_it);
    come_back(SIZE);
    come_back(150000);
    in_order();
    rings();
    not_any_more();
    in_child();
}
