// Threads that wait on locks in heap blocks; for ever, where nothing else leads to the block. Prints who is which, and waits for lines.
// Each is handed its block by one thread at a time, in a word with its bits inverted, and nobody keeps it.
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct place {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    sem_t semaphore;
    struct place *other;
};

static struct place *global;
static atomic_ulong handed;  // ~address
static atomic_int tid;

__attribute__((noinline)) static struct place *make_place(void)
{
    struct place *p = calloc(1, sizeof *p);
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->changed, NULL);
    sem_init(&p->semaphore, 0, 0);
    return p;
}

__attribute__((noinline)) static void scrub(void)
{
    char stack[16384];
    memset(stack, 0, sizeof stack);
    __asm__ volatile("" ::"r"(stack) : "memory");
}

static struct place *receive(void)
{
    unsigned long word = atomic_exchange(&handed, 0);
    atomic_store(&tid, gettid());
    return (struct place *)(word ? ~word : 0);
}

// Locked twice by itself.
static void *deadlock(void *unused)
{
    struct place *p = receive();
    pthread_mutex_lock(&p->mutex);
    pthread_mutex_lock(&p->mutex);
    return unused;
}

static void *await_change(void *unused)
{
    struct place *p = receive();
    pthread_mutex_lock(&p->mutex);
    for (;;) pthread_cond_wait(&p->changed, &p->mutex);
    return unused;
}

// It would wake the other, which would wake it.
static void *await_other(void *unused)
{
    struct place *p = receive();
    sem_wait(&p->semaphore);
    sem_post(&p->other->semaphore);
    return unused;
}

static void *await_with_a_limit(void *unused)
{
    struct place *p = receive();
    struct timespec late;
    clock_gettime(CLOCK_REALTIME, &late);
    late.tv_sec += 100000;
    sem_timedwait(&p->semaphore, &late);
    return unused;
}

// Refers to the place and does something else.
static void *keep(void *unused)
{
    struct place *volatile p = receive();
    for (;;) pause();
    return p ? unused : NULL;
}

__attribute__((noinline)) static void start(const char *name, void *(*body)(void *), struct place *p)
{
    pthread_t thread;
    atomic_store(&handed, ~(unsigned long)p);
    atomic_store(&tid, 0);
    pthread_create(&thread, NULL, body, NULL);
    while (!atomic_load(&tid)) usleep(1000);
    printf("%s=%d ", name, atomic_load(&tid));
}

__attribute__((noinline)) static void start_all(void)
{
    start("deadlock", deadlock, make_place());
    start("forgotten", await_change, make_place());
    struct place *a = make_place(), *b = make_place();
    a->other = b, b->other = a;
    start("one", await_other, a);
    start("another", await_other, b);
    global = make_place();
    start("global", await_change, global);
    start("limit", await_with_a_limit, make_place());
    struct place *kept = make_place();
    start("kept", await_change, kept);
    start("keeper", keep, kept);
    struct place *behind = make_place(), *front = make_place();  // reached from the keeper through one that sleeps on its own
    front->other = behind;
    global->other = front;
    start("front", await_other, front);
    start("behind", await_other, behind);
}

int main(void)
{
    char line[100];
    puts("ready");
    start_all();
    scrub();
    usleep(100000);
    puts("");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        if (line[0] == 'f') global = NULL;  // what is behind it is forgotten too
        scrub();
        puts("ok");
        fflush(stdout);
    }
}
