// Pools of gcpre.h: an item that was put is had again, with all it leads to, until the second cycle after; then its memory goes. Without the
// library every item is a new one.
// env: GCPRE_STRESS=0
#include "check.h"

enum { ITEMS = 500, SIZE = 1800 };

struct item {
    char *text; // RARE_SIZE bytes
    char rest[SIZE];
};

static int made, freed;
static struct herd items, texts;
static struct gcpre_pool *pool;

static void *make(void *arg)
{
    CHECK(arg == &made);
    made++;
    struct item *item = (struct item *)calloc(1, sizeof *item);
    item->text = branded((char *)malloc(RARE_SIZE), RARE_SIZE);
    return item;
}

static void destroy(void *p)
{
    freed++;
    free(((struct item *)p)->text);
    free(p);
}

NOINLINE static void put_all(void)
{
    static struct item *held[ITEMS];
    items.count = texts.count = 0;
    for (size_t i = 0; i < ITEMS; i++) held[i] = (struct item *)gcpre_pool_get(pool);
    for (size_t i = 0; i < ITEMS; i++) {
        CHECK(is_whole(hide(held[i]->text), RARE_SIZE));
        items.at[items.count++] = hide(held[i]);
        texts.at[texts.count++] = hide(held[i]->text);
        gcpre_pool_put(pool, held[i]);
        held[i] = NULL;
    }
}

NOINLINE static size_t gone(const struct herd *herd)
{
    size_t count = 0;
    for (size_t i = 0; i < herd->count; i++) count += !is_allocated(herd->at[i]);
    return count;
}

NOINLINE static void cycles(int count)
{
    for (; count; count--) {
        clear_stack();
        collect();
    }
}

static void without(void)
{
    for (int i = 0; i < 10; i++) gcpre_pool_put(pool, gcpre_pool_get(pool));
    CHECK(made == 10 && freed == 10);
    gcpre_pool_free(pool);
    pool = gcpre_pool_new(NULL, NULL, NULL);
    CHECK(pool && gcpre_pool_get(pool) == NULL);
    gcpre_pool_put(pool, malloc(10));
    gcpre_pool_put(pool, NULL);
    gcpre_pool_free(pool);
    gcpre_pool_free(NULL);
}

static void *other(void *arg)
{
    (void)arg;
    int before = made;
    put_all(); // what the main thread put is stolen, but for a few
    CHECK(made - before < 10, "%d made", made - before);
    return NULL;
}

static void in_thread(void)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, other, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

int main(void)
{
    pool = gcpre_pool_new(make, destroy, &made);
    CHECK(pool);
    if (!gcpre_available()) {
        without();
        return 0;
    }
    put_all();
    CHECK(made == ITEMS);
    put_all();
    CHECK(made == ITEMS, "%d made", made);
    cycles(1);
    CHECK(gone(&items) == 0 && gone(&texts) == 0, "after one cycle");
    put_all(); // victims are young again
    CHECK(made == ITEMS && freed == 0);
    cycles(1);
    put_all();
    CHECK(made == ITEMS);
    in_thread();
    in_thread();
    cycles(1);
    put_all();
    CHECK(made < ITEMS + 30, "%d made", made);
    cycles(4); // two, one for probation, one for good measure
    CHECK(gone(&items) >= ITEMS * 95 / 100 && gone(&texts) >= ITEMS * 95 / 100, "%zu, %zu gone", gone(&items), gone(&texts));
    int before = made;
    put_all();
    CHECK(made == before + ITEMS, "%d made", made - before);
    gcpre_pool_free(pool);
    pool = NULL;
    cycles(3);
    CHECK(gone(&items) >= ITEMS * 95 / 100);
    CHECK(freed == 0);
}
