// Destructors that run after a thread's start routine hold the only pointers: thread_local objects and specific data.
#include "check.h"

static struct herd of_threads;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t key;
static int destroyed, done;

NOINLINE static char *block(void)
{
    pthread_mutex_lock(&lock);
    char *p = herd_add(&of_threads, (char *)malloc(70), 70);
    pthread_mutex_unlock(&lock);
    return p;
}

static void check_block(void *block)
{
    void *volatile p = block;  // or the compiler keeps only the hidden form across the collection
    block = NULL;
    drop_and_collect();
    CHECK(is_allocated(hide(p)) && is_whole(hide(p), 70), "in a destructor");
    p = NULL;
    clear_stack();
    ADD(destroyed, 1);
}

struct Holder {
    char *volatile p = block();  // volatile: the store at the end counts, the stack is kept by the C library
    ~Holder() { check_block(p); p = NULL; }
};
static thread_local Holder holder;

static void *body(void *)
{
    CHECK(holder.p != NULL);
    pthread_setspecific(key, block());
    return NULL;
}

static void *several(void *)
{
    for (int i = 0; i < 10; i++) join(start(body, NULL));
    SET(done, 1);
    return NULL;
}

int main()
{
    pthread_key_create(&key, check_block);
    herd_lose(&lost, 1000, RARE_SIZE);
    pthread_t threads[2] = {start(several, NULL), start(several, NULL)};
    while (!GET(done)) drop_and_collect();
    join(threads[0]), join(threads[1]);
    CHECK(destroyed == 40, "%d", destroyed);
    drop_and_collect();
    herd_check_gone(&lost);
    herd_check_gone(&of_threads);
}
