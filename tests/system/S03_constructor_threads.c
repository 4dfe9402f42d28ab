// A DT_NEEDED library's constructor starts threads and allocates, before the program's main: those threads are known.
// plugin: needed
#include "check.h"
#include <dlfcn.h>

#ifdef PLUGIN
char *volatile early_blocks[64];
bool early_stop;

static void *early_thread(void *volatile_index)
{
    size_t index = (size_t)volatile_index;
    char *volatile mine = (char *)malloc(200);  // only on this stack, and inverted in the table
    early_blocks[index] = (char *)hide(branded(mine, 200));
    while (!GET(early_stop)) usleep(500);
    CHECK(is_whole(hide(mine), 200));
    free(mine);
    return NULL;
}

__attribute__((constructor)) static void early(void)
{
    pthread_t thread;
    for (size_t i = 0; i < COUNT(early_blocks); i++) {
        CHECK(pthread_create(&thread, NULL, early_thread, (void *)i) == 0 && pthread_detach(thread) == 0);
        free(calloc(i, 1000));
    }
    CHECK(dlsym(RTLD_NEXT, "no such symbol") == NULL && dlerror() != NULL);  // these allocate
}
#else
extern char *volatile early_blocks[64];
extern bool early_stop;

int main(void)
{
    herd_lose(&lost, 1000, 200);
    for (size_t i = 0; i < 64; i++) WAIT_UNTIL(early_blocks[i]);
    drop_and_collect();
    for (size_t i = 0; i < 64; i++) {
        CHECK(is_allocated((hidden)early_blocks[i]), "thread %zu", i);
        CHECK(is_whole((hidden)early_blocks[i], 200), "thread %zu", i);
    }
    herd_check_gone(&lost);
    SET(early_stop, true);
    WAIT_UNTIL(threads_of_ours() <= 2);
}
#endif
