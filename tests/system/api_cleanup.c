// Cleanups: each runs once, after its block is gone, on a thread that is nobody else's, with an argument that was alive all the time; not those
// that were stopped, nor of blocks that were freed; a child has those that were left.
// env: GCPRE_STRESS=0
#include "check.h"

#include <fcntl.h>

enum { BLOCKS = 500, SIZE = 900 };

static int called, wrong, files;
static pthread_t main_thread;
static char *volatile kept[BLOCKS];
static struct gcpre_cleanup cleanups[BLOCKS];

// The argument is a block that nothing else refers to. What runs may allocate, and has the program's descriptors.
static void call(void *arg)
{
    if (!is_whole(hide(arg), RARE_SIZE) || pthread_equal(pthread_self(), main_thread) || dup2(files, files) != files) ADD(wrong, 1);
    free(arg);
    free(branded((char *)malloc(SIZE), SIZE));
    ADD(called, 1);
}

NOINLINE static void make(size_t count, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        kept[i] = branded((char *)malloc(size), size);
        cleanups[i] = gcpre_add_cleanup(kept[i], call, branded((char *)malloc(RARE_SIZE), RARE_SIZE));
        CHECK((cleanups[i].record != NULL) == gcpre_available());
    }
}

NOINLINE static void lose(void)
{
    for (size_t i = 0; i < BLOCKS; i++) kept[i] = NULL;
}

// Each cleanup goes with its block; few blocks may be held by stale words.
static void expect(int count)
{
    drop_and_collect();
    WAIT_UNTIL((drop_and_collect(), GET(called) >= count * 95 / 100));
    CHECK(GET(called) <= count && GET(wrong) == 0, "%d calls, %d wrong", called, wrong);
}

static void try(size_t size)
{
    SET(called, 0);
    make(BLOCKS, size);
    drop_and_collect();
    CHECK(GET(called) == 0, "%d calls for blocks that are alive", called);
    lose();
    expect(BLOCKS);
}

static void stopped_and_freed(void)
{
    int stopped = 0;
    drop_and_collect();
    SET(called, 0);
    make(BLOCKS, SIZE);
    for (size_t i = 0; i < BLOCKS / 2; i++) stopped += gcpre_stop_cleanup(cleanups[i]);
    CHECK(stopped == BLOCKS / 2 && gcpre_stop_cleanup(cleanups[0]) == 0);
    for (size_t i = BLOCKS / 2; i < BLOCKS; i++) free(kept[i]);
    lose();
    drop_and_collect();
    drop_and_collect();
    CHECK(GET(called) <= BLOCKS / 20, "%d calls", called); // of the rounds before
}

static void in_child(void)
{
    drop_and_collect();
    make(BLOCKS, SIZE);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        SET(called, 0);
        lose();
        WAIT_UNTIL((drop_and_collect(), GET(called) >= BLOCKS * 95 / 100));
        _exit(wrong != 0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0, "status %x", status);
}

int main(void)
{
    main_thread = pthread_self();
    files = open("/dev/null", O_RDONLY);
    if (!gcpre_available()) {
        make(1, SIZE);
        CHECK(gcpre_stop_cleanup(cleanups[0]) == 0);
        return 0;
    }
    CHECK(gcpre_add_cleanup(&main_thread, call, NULL).record == NULL);
    kept[0] = (char *)malloc(100);
    CHECK(gcpre_add_cleanup(kept[0], call, kept[0] + 4).record == NULL);
    try(SIZE);
    try(150000);
    stopped_and_freed();
    in_child();
}
