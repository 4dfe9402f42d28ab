// On the smallest stack there is, an allocation whose stack is new takes little of it.
// needs-library: yes
// cflags: -Wl,-z,now
// env: GCPRE_LEAKS=exit GCPRE_REPORT=/dev/null
#include "check.h"

#include <limits.h>

enum { UNTOUCHED = 0xa5, LITTLE = 4096 };

// How far malloc wrote below here.
static char *bottom;
static __attribute__((noinline)) size_t bytes_below(size_t bytes)
{
    char here[16], *low = bottom;
    memset(low, UNTOUCHED, (size_t)(here - bottom) - 300); // memset itself is there
    void *volatile p = malloc(bytes);
    while (*(volatile unsigned char *)low == UNTOUCHED) low++;
    free(p);
    return (size_t)(here - low);
}

static void *body(void *unused)
{
    pthread_attr_t attr;
    size_t room;
    CHECK(pthread_getattr_np(pthread_self(), &attr) == 0 && pthread_attr_getstack(&attr, (void **)&bottom, &room) == 0);
    pthread_attr_destroy(&attr);
    for (size_t bytes = 8; bytes < 2000; bytes *= 3) {
        size_t used = bytes_below(bytes);
        CHECK(used < LITTLE && used > 300, "%zu", used);
    }
    return unused;
}

int main(void)
{
    pthread_t thread;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, (size_t)PTHREAD_STACK_MIN);
    CHECK(pthread_create(&thread, &attr, body, NULL) == 0);
    pthread_join(thread, NULL);
}
