// Losses where a process forks: in the child, in the parent, in both, in a grandchild. Each process writes a report of
// its own; the sum over all of them is expected. What the parent lost before it forked would be lost in the child too,
// so all fork first.

#include "leaks.h"
#include <sys/wait.h>
#include <unistd.h>

static char *inherited[4];

static OPAQUE void work(int rounds, bool leak)
{
    for (int i = 0; i < rounds; i++) {
        char *text = malloc(90); // alloc: work
        snprintf(text, 90, "round %d", i);
        used(text);
        if (!leak)
            free(text);
    }
}

static pid_t divide(void)
{
    fflush(stdout);
    pid_t child = fork();
    if (child < 0)
        abort();
    return child;
}

static void wait_for(pid_t child)
{
    int status;
    if (waitpid(child, &status, 0) != child || status != 0)
        abort();
}

// The child goes on to the end of main, as the parent does after it.
// case: child  direct 2 180 work
static OPAQUE void in_child(bool leak)
{
    pid_t child = divide();
    if (child == 0)
        work(2, leak);
    else
        wait_for(child);
}

// case: parent  direct 3 270 work
static OPAQUE void in_parent(bool leak)
{
    pid_t child = divide();
    if (child == 0)
        _exit(0);
    wait_for(child);
    work(3, leak);
}

// case: both  direct 5 450 work
static OPAQUE void in_both(bool leak)
{
    pid_t child = divide();
    if (child > 0)
        wait_for(child);
    work(child == 0 ? 2 : 3, leak);
}

// case: grandchild  direct 4 360 work
static OPAQUE void in_grandchild(bool leak)
{
    pid_t child = divide();
    pid_t grandchild = child == 0 ? divide() : 0;
    if (child > 0)
        wait_for(child);
    else if (grandchild > 0)
        wait_for(grandchild);
    else
        work(4, leak);
}

// case: four_children  direct 10 900 work
static OPAQUE void in_four_children(bool leak)
{
    for (int i = 1; i <= 4; i++) {
        pid_t child = divide();
        if (child == 0) {
            work(i, leak);
            return;
        }
        wait_for(child);
    }
}

// The child forgets what the parent allocated; in the parent the same blocks are still held.
// case: inherited  direct 4 160 prepare
static OPAQUE void prepare(void)
{
    for (int i = 0; i < 4; i++)
        inherited[i] = calloc(4, 10); // alloc: prepare
}

static OPAQUE void inherit(bool leak)
{
    prepare();
    used(inherited);
    pid_t child = divide();
    if (child > 0)
        wait_for(child);
    else if (leak)
        memset(inherited, 0, sizeof inherited);
}

// The child ends by exit in a function, not by main's return.
// case: child_exits  direct 1 90 work
static OPAQUE void child_exits(bool leak)
{
    pid_t child = divide();
    if (child == 0) {
        work(1, leak);
        exit(0);
    }
    wait_for(child);
}

static const struct leak_case cases[] = {
    {"child", in_child},
    {"parent", in_parent},
    {"both", in_both},
    {"grandchild", in_grandchild},
    {"four_children", in_four_children},
    {"inherited", inherit},
    {"child_exits", child_exits},
    {NULL, NULL},
};

int main(int argc, char **argv) { return run_case(cases, argc, argv); }
