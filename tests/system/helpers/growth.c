// A program for tests/system/leaks_growth.py: what it keeps behaves as real programs' memory does. Each line on its standard input is a
// command: `round N` does N rounds of work, `empty` gives the list back.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct entry *next;
    char text[104];
};

enum { CACHE = 300, TABLE = 4000, TOOTH = 15, AT_START = 12 };

static struct entry *list, *tooth, *start, *cache[CACHE], *table[TABLE];
static unsigned rounds, newest, seed = 1;

static struct entry *fill(struct entry *e, struct entry *next)
{
    memset(e, 1, sizeof *e);
    e->next = next;
    return e;
}

static void give_back(struct entry **from)
{
    for (struct entry *e; (e = *from); free(e)) *from = e->next;
}

// Functions of their own, so that each has a site.
__attribute__((noinline)) static void add_to_list(void) { list = fill(malloc(sizeof *list), list); }
__attribute__((noinline)) static void add_to_tooth(void) { tooth = fill(malloc(sizeof *tooth), tooth); }
__attribute__((noinline)) static void add_at_start(void) { start = fill(malloc(sizeof *start), start); }

// The oldest goes.
__attribute__((noinline)) static void put_in_cache(void)
{
    struct entry **at = &cache[newest++ % CACHE];
    free(*at);
    *at = fill(malloc(sizeof **at), NULL);
}

// Any goes.
__attribute__((noinline)) static void put_in_table(void)
{
    seed = seed * 1103515245 + 12345;
    struct entry **at = &table[seed / 65536 % TABLE];
    free(*at);
    *at = fill(malloc(sizeof **at), NULL);
}

__attribute__((noinline)) static void work(void)
{
    struct entry *own = fill(malloc(sizeof *own), NULL);
    free(own);
}

// One call instruction, whatever the compiler thinks of short loops.
__attribute__((noinline, noclone, optimize("O0"))) static void repeat(int times, void (*what)(void))
{
    while (times-- > 0) what();
}

static void one_round(void)
{
    repeat(5, add_to_list);
    repeat(40, put_in_cache);
    repeat(900, put_in_table);
    repeat(30, add_to_tooth);
    repeat(rounds < AT_START ? 50 : 0, add_at_start);
    repeat(100, work);
    if (++rounds % TOOTH == 0) give_back(&tooth);
}

int main(void)
{
    char line[100];
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        long number = strtol(line + strcspn(line, " \n"), NULL, 10);
        if (strncmp(line, "round", 5) == 0) while (number-- > 0) one_round();
        else if (strncmp(line, "empty", 5) == 0) give_back(&list);
        else if (strncmp(line, "exit", 4) == 0) break;
        puts("ok");
        fflush(stdout);
    }
}
