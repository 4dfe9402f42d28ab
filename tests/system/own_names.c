// Names that the C library has too, and a program or a library of its own has for itself: log(), which is not a logarithm here, and the
// threads of TinyCThread, whose functions say success with other numbers.
// env: GCPRE_CONTROL=1 GCPRE_SAMPLE=4KiB XDG_RUNTIME_DIR=.
// plugin: needed
// plugin-cflags: -fno-builtin
// cflags: -fno-builtin -rdynamic
// libs: -lm
#include "check.h"

enum { SUCCESS = 1 };

#ifdef PLUGIN
struct start {
    int (*function)(void *);
    void *arg;
};

static void *begin(void *p)
{
    struct start start = *(struct start *)p;
    free(p);
    return (void *)(intptr_t)start.function(start.arg);
}

int thrd_create(pthread_t *thread, int (*function)(void *), void *arg);
int thrd_create(pthread_t *thread, int (*function)(void *), void *arg)
{
    struct start *start = (struct start *)malloc(sizeof *start);
    *start = (struct start){function, arg};
    return pthread_create(thread, NULL, begin, start) == 0 ? SUCCESS : 0;
}

int thrd_join(pthread_t thread, int *result);
int thrd_join(pthread_t thread, int *result)
{
    void *value;
    if (pthread_join(thread, &value) != 0) return 0;
    if (result) *result = (int)(intptr_t)value;
    return SUCCESS;
}

int thrd_detach(pthread_t thread);
int thrd_detach(pthread_t thread) { return pthread_detach(thread) == 0 ? SUCCESS : 0; }
#else
int thrd_create(pthread_t *thread, int (*function)(void *), void *arg);
int thrd_join(pthread_t thread, int *result);
double cos(double);

static _Atomic int lines;
double log(const char *text);
double log(const char *text)
{
    lines++;
    (void)text;
    return -1;
}
void expm1(void);
void expm1(void) { lines++; }

static int add_one(void *arg) { return *(int *)arg + 1; }

int main(int argc, char **argv)
{
    static char *blocks[1000];
    (void)argv;
    CHECK(cos(argc - argc) == 1); // libm is there
    for (int i = 0; i < 100000; i++) {
        char **slot = &blocks[i % COUNT(blocks)];
        free(*slot);
        *slot = (char *)malloc(16 + i % 1000);
    }
    CHECK(lines == 0, "the program's log() or expm1() was called %d times", lines);
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        int result = 0;
        CHECK(thrd_create(&thread, add_one, &i) == SUCCESS);
        CHECK(thrd_join(thread, &result) == SUCCESS && result == i + 1, "%d instead of %d", result, i + 1);
    }
}
#endif
