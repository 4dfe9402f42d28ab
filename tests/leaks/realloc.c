// Of realloc: a failure loses the old block, a grown array is the call's that grew it last, an alias goes stale.

#include "leaks.h"
#include <stdint.h>

struct vector {
    char **items;
    size_t count, room;
};

static struct vector vector;
static char *text;

static OPAQUE char *start(size_t bytes)
{
    char *p = malloc(bytes); // alloc: start
    snprintf(p, bytes, "%s", "text");
    return p;
}

static OPAQUE const char *grow(char **p, size_t bytes)
{
    *p = realloc(*p, bytes);
    return *p ? "grown" : "failed";
}

// The idiom p = realloc(p, n) where n is too much: the block stays what it was, and the pointer is gone.
// case: no_memory  direct 1 60 start
static OPAQUE void no_memory(bool leak)
{
    text = start(60);
    used(&text);
    char *old = text;
    puts(grow(&text, PTRDIFF_MAX / 2));
    if (!leak)
        free(old);
}

static OPAQUE char *double_up(char *p, size_t bytes)
{
    char *grown = realloc(p, bytes); // alloc: double_up
    memset(grown + bytes / 2, '.', bytes / 2);
    return grown;
}

// Whatever moved and whatever did not: the last call of realloc is where the block comes from, with its size.
// case: grown_many_times  direct 1 81920 double_up
static OPAQUE void grown_many_times(bool leak)
{
    char *p = start(10);
    for (size_t bytes = 20; bytes <= 81920; bytes *= 2)
        p = double_up(p, bytes);
    printf("%.4s\n", p);
    if (!leak)
        free(p);
}

static OPAQUE char *shrink(char *p)
{
    char *shrunk = realloc(p, 9); // alloc: shrink
    shrunk[8] = 0;
    return shrunk;
}

// case: shrunk  direct 1 9 shrink
static OPAQUE void shrunk(bool leak)
{
    text = shrink(start(5000));
    used(&text);
    puts(text);
    if (leak)
        text = NULL;
}

static OPAQUE void append(struct vector *v, int number)
{
    if (v->count == v->room) {
        v->room = v->room ? 2 * v->room : 4;
        v->items = realloc(v->items, v->room * sizeof *v->items); // alloc: append
    }
    char *item = malloc(12); // alloc: append.item
    snprintf(item, 12, "item %d", number);
    v->items[v->count++] = item;
}

// case: vector_of_strings  direct 1 256 append  indirect 30 360 append.item
static OPAQUE void vector_of_strings(bool leak)
{
    for (int i = 0; i < 30; i++)
        append(&vector, i);
    used(&vector);
    puts(vector.items[29]);
    if (leak)
        vector = (struct vector){0};
}

// The vector's block is freed, what it pointed to is not.
// case: vector_without_strings  direct 30 360 append.item
static OPAQUE void vector_without_strings(bool leak)
{
    for (int i = 0; i < 30; i++)
        append(&vector, i);
    used(&vector);
    puts(vector.items[29]);
    for (size_t i = 0; !leak && i < vector.count; i++)
        free(vector.items[i]);
    free(vector.items);
    vector = (struct vector){0};
}

// Emptied by a count of zero, as if that gave the strings back.
// case: vector_truncated  direct 5 60 append.item
static OPAQUE void vector_truncated(bool leak)
{
    for (int i = 0; i < 8; i++)
        append(&vector, i);
    used(&vector);
    while (vector.count > 3) {
        vector.count--;
        if (!leak)
            free(vector.items[vector.count]);
        vector.items[vector.count] = NULL;
    }
    puts(vector.items[2]);
}

// realloc of nothing is malloc.
// case: from_nothing  direct 3 144 from_null
static OPAQUE char *from_null(size_t bytes)
{
    char *p = realloc(NULL, bytes); // alloc: from_null
    memset(p, 'n', bytes);
    return p;
}

static OPAQUE void from_nothing(bool leak)
{
    for (int i = 1; i <= 3; i++) {
        char *p = from_null(24 * i);
        printf("%c\n", *p);
        if (!leak)
            free(p);
    }
}

static const struct leak_case cases[] = {
    {"no_memory", no_memory},
    {"grown_many_times", grown_many_times},
    {"shrunk", shrunk},
    {"vector_of_strings", vector_of_strings},
    {"vector_without_strings", vector_without_strings},
    {"vector_truncated", vector_truncated},
    {"from_nothing", from_nothing},
    {NULL, NULL},
};

int main(int argc, char **argv) { return run_case(cases, argc, argv); }
