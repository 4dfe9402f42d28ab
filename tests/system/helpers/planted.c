// Structures whose ways from their roots are known, for tests of `who`: prints addresses, and waits. Compiled with -O2.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SLOTS = 8, SLOT = 3, LENGTH = 1000 };

struct node {
    struct node *next;
    char *payload;
};
struct table {
    long used;
    struct node *lists[SLOTS];
};

struct table *cache_head;
static volatile unsigned long hidden[8];  // addresses, with their bits inverted: no references

__attribute__((noinline)) static struct table *make_table(void)
{
    struct table *table = calloc(1, sizeof *table);
    table->used = 1;
    return table;
}

__attribute__((noinline)) static struct node *make_node(struct node *next)
{
    struct node *node = calloc(1, sizeof *node);
    node->next = next;
    return node;
}

__attribute__((noinline)) static char *make_payload(void) { return memset(malloc(500), 1, 500); }
__attribute__((noinline)) static char *make_request(void) { return memset(malloc(333), 1, 333); }
__attribute__((noinline)) static char *make_event(void) { return memset(malloc(77), 1, 77); }
__attribute__((noinline)) static char *make_mapped(void) { return memset(malloc(99), 1, 99); }
__attribute__((noinline)) static char *make_freed(void) { return memset(malloc(3000), 1, 3000); }
__attribute__((noinline)) static char *make_lost(void) { return memset(malloc(222), 1, 222); }

__attribute__((noinline)) static void plant_table(void)
{
    struct node *list = NULL;
    cache_head = make_table();
    for (int i = 0; i < LENGTH; i++) list = make_node(list);
    cache_head->lists[SLOT] = list;
    while (list->next) list = list->next;
    list->payload = make_payload();
    hidden[0] = ~(unsigned long)list->payload;
}

__attribute__((noinline)) static void plant_elsewhere(void)
{
    int epoll = epoll_create1(0), event = eventfd(0, 0);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = make_event()};
    char **page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    hidden[1] = ~(unsigned long)wanted.data.ptr;
    epoll_ctl(epoll, EPOLL_CTL_ADD, event, &wanted);
    page[100] = make_mapped();
    hidden[2] = ~(unsigned long)page[100];
    hidden[3] = ~(unsigned long)make_lost();
}

// A table refers to what was freed.
__attribute__((noinline)) static void plant_dangling(void)
{
    char *freed = make_freed();
    hidden[6] = ~(unsigned long)freed;
    cache_head->lists[0] = (struct node *)freed;
    free(freed);
}

__attribute__((noinline)) static void scrub(void)
{
    char stack[16384];
    memset(stack, 0, sizeof stack);
    __asm__ volatile("" ::"r"(stack) : "memory");
}

static void *serve(void *unused)
{
    char *volatile request = make_request();
    hidden[4] = ~(unsigned long)request;
    scrub();
    hidden[5] = (unsigned long)gettid();
    for (;;) pause();
    return unused;
}

int main(void)
{
    pthread_t thread;
    sigset_t end;
    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    sigprocmask(SIG_BLOCK, &end, NULL);  // no other thread takes it
    plant_table();
    plant_elsewhere();
    plant_dangling();
    scrub();
    pthread_create(&thread, NULL, serve, NULL);
    while (!hidden[5]) usleep(1000);
    scrub();
    puts("ready");
    for (int i = 0; i < 5; i++) printf("%#lx ", ~hidden[i]);
    printf("%#lx %lu\n", ~hidden[6], hidden[5]);
    fflush(stdout);
    sigwaitinfo(&end, NULL);
    exit(0);
}
