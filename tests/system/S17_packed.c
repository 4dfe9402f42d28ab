// The only pointers lie at 4-byte alignment: packed structs and epoll_event arrays, in globals, heap, mapping and stack.
// args: global
// args: heap
// args: mapping
// args: stack
#include "check.h"
#include <sys/epoll.h>

struct record {
    int key;
    char *p;
    int value;
} __attribute__((packed));

struct tables {
    struct record records[300];
    struct epoll_event events[300];
};
static struct tables in_global, *tables = &in_global;

static void put(size_t i, char *p)
{
    if (i % 2) tables->records[i / 2] = (struct record){0x5a5a5a5a, p, 0x5a5a5a5a};
    else tables->events[i / 2] = (struct epoll_event){.events = EPOLLIN, .data.ptr = p};
}
static void drop(size_t i)
{
    if (i % 2) tables->records[i / 2].p = NULL;
    else tables->events[i / 2].data.ptr = NULL;
}

int main(int argc, char **argv)
{
    struct tables on_stack;
    const char *where = argv[argc - 1];
    if (strcmp(where, "stack") == 0) tables = &on_stack;
    if (strcmp(where, "heap") == 0) tables = (struct tables *)malloc(sizeof *tables);
    if (strcmp(where, "mapping") == 0) tables = (struct tables *)mmap(NULL, sizeof *tables, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(tables, 0, sizeof *tables);
    hazard(600, 200, put, drop);
}
