// Blocks of known holders, for tests/system/leaks_weak.py: prints `ready`, ages until its input ends. Compiled with -O1.
//
//   entries   64 in a list from a variable; planted: one held by a pointer into it only, one by an unaligned pointer only, one by a
//             word of a waiting thread's stack only. The clean twin holds these three by a table too
//   members   64 that are held by pointers into them, on purpose
//   locals    one in thread-local variables of a waiting thread, and 3 in the table
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct entry {
    struct entry *next;
    char text[56];
    int member;
};

struct entry *entries, *table[8]; // not static: the compiler would see that nobody reads them
char *inside;
struct __attribute__((packed)) {
    uint32_t kind;
    struct entry *entry;
} packed;
int *members[64];
char *locals[4];
__thread char *local;
static volatile int waiting;

__attribute__((noinline)) static struct entry *make_entry(void) { return calloc(1, sizeof(struct entry)); }
__attribute__((noinline)) static struct entry *make_member(void) { return calloc(1, sizeof(struct entry)); }
__attribute__((noinline)) static char *make_local(void) { return calloc(1, 40); }

__attribute__((noinline)) static void scrub(void)
{
    char stack[16384];
    memset(stack, 0, sizeof stack);
    __asm__ volatile("" ::"r"(stack) : "memory");
}

enum { LISTED = 64, INSIDE = LISTED, UNALIGNED, STACK, ENTRIES };

static struct entry *made[ENTRIES];
static char *made_local[4];

// All of a kind from one call: a site.
__attribute__((noinline)) static void make_all(void)
{
    for (int i = 0; i < ENTRIES; i++) made[i] = make_entry();
    for (int i = 0; i < 64; i++) members[i] = &make_member()->member;
    for (int i = 0; i < 4; i++) made_local[i] = make_local();
}

__attribute__((noinline)) static void plant(int clean)
{
    make_all();
    for (int i = 0; i < LISTED; i++) {
        made[i]->next = entries;
        entries = made[i];
    }
    inside = made[INSIDE]->text;
    packed.entry = made[UNALIGNED];
    if (clean) memcpy(table, &made[LISTED], 3 * sizeof table[0]);
    memcpy(locals, made_local, 3 * sizeof locals[0]);
}

__attribute__((noinline)) static void wait_for_ever(void)
{
    struct entry *volatile held = made[STACK];
    local = made_local[3];
    memset(made, 0, sizeof made);
    memset(made_local, 0, sizeof made_local);
    (void)held;
    scrub();
    waiting = 1;
    for (;;) pause();
}

static void *thread(void *unused)
{
    wait_for_ever();
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t id;
    int clean = argc > 1 && strcmp(argv[1], "clean") == 0;
    plant(clean);
    pthread_create(&id, NULL, thread, NULL);
    while (!waiting) usleep(1000);
    scrub();
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return 0;
}
