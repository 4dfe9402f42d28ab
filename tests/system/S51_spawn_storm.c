// vfork, posix_spawn, system and popen in storms, with children that allocate, while cycles run: none waits, none is corrupted.
#include "check.h"
#include <spawn.h>

static char *program;
static int stop;

static void by_vfork(void)
{
    pid_t child = vfork();
    if (child == 0) {
        void *volatile p = malloc(2000);  // in the parent's heap
        free(p);
        execl(program, program, "child", NULL);
        _exit(127);
    }
    expect_child(child, 0);
}
static void by_spawn(void)
{
    char *arguments[] = {program, (char *)"child", NULL};
    posix_spawnattr_t attributes;
    sigset_t everything;
    pid_t child;
    sigfillset(&everything);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigdefault(&attributes, &everything);
    CHECK(posix_spawn(&child, program, NULL, &attributes, arguments, environ) == 0);
    expect_child(child, 0);
    posix_spawnattr_destroy(&attributes);
}
static void by_system(void) { CHECK(system("exit 3") == 3 << 8); }
static void by_popen(void)
{
    char text[20] = "";
    FILE *file = popen("echo $((6 * 7))", "r");
    CHECK(file && fgets(text, sizeof text, file) && strcmp(text, "42\n") == 0 && pclose(file) == 0);
}
static void (*const ways[])(void) = {by_vfork, by_spawn, by_system, by_popen};

static void *churn(void *unused)
{
    for (unsigned i = 0; !GET(stop); i++) free(branded((char *)malloc(i % 3000 + 1), i % 3000 + 1));
    return unused;
}
static void *spawn(void *index)
{
    for (int i = 0; i < 15; i++) ways[(size_t)index]();
    return NULL;
}

static int be_the_child(void)
{
    herd_lose(&lost, 1000, RARE_SIZE);
    drop_and_collect();
    herd_check_gone(&lost);
    return 0;
}

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc > 1) return be_the_child();
    pthread_t threads[COUNT(ways)], churner = start(churn, NULL);
    herd_lose(&lost, 1000, RARE_SIZE);
    collector_start();
    for (size_t i = 0; i < COUNT(ways); i++) threads[i] = start(spawn, (void *)i);
    for (size_t i = 0; i < COUNT(ways); i++) join(threads[i]);
    SET(stop, 1);
    join(churner);
    collector_stop();
    drop_and_collect();
    herd_check_gone(&lost);
}
