// The last pointer is overwritten: in a global, in a member, in an array, by a structure's copy, by memset.

#include "leaks.h"

struct buffer {
    char *bytes;
    size_t size;
};

struct config {
    char *host, *path;
    struct config *fallback;
    long port;
};

static struct config *config;
static struct buffer here, there;
static char *slots[8];

static OPAQUE struct config *parse(const char *host, const char *path, struct config *fallback)
{
    struct config *parsed = calloc(1, sizeof *parsed); // alloc: parse
    parsed->host = strdup(host);                       // alloc: parse.host
    parsed->path = strdup(path);                       // alloc: parse.path
    parsed->fallback = fallback;
    parsed->port = 80;
    return parsed;
}

static OPAQUE void discard(struct config *old)
{
    if (!old)
        return;
    discard(old->fallback);
    free(old->host);
    free(old->path);
    free(old);
}

// case: config_reloaded  direct 1 32 parse  indirect 1 32 parse  indirect 2 22 parse.host  indirect 2 7 parse.path
static OPAQUE void config_reloaded(bool leak)
{
    config = parse("example.org", "/", parse("localhost", "/tmp", NULL));
    used(&config);
    if (!leak)
        discard(config);
    config = parse("example.net", "/new", NULL);
    printf("%s%s\n", config->host, config->path);
}

// case: member_overwritten  direct 1 10 parse.host
static OPAQUE void member_overwritten(bool leak)
{
    static char fixed[] = "elsewhere";
    config = parse("localhost", "/", NULL);
    used(&config);
    if (!leak)
        free(config->host);
    config->host = fixed;
    puts(config->host);
}

static OPAQUE void fill(struct buffer *buffer, size_t size, int with)
{
    buffer->bytes = malloc(size); // alloc: fill
    buffer->size = size;
    memset(buffer->bytes, with, size);
}

// The target's own buffer is forgotten when the other is assigned over it.
// case: structure_copied_over  direct 1 50 fill
static OPAQUE void structure_copied_over(bool leak)
{
    fill(&here, 50, 'h');
    fill(&there, 70, 't');
    used(&here);
    if (!leak)
        free(here.bytes);
    here = there;
    printf("%zu %c\n", here.size, here.bytes[0]);
}

// case: cleared_by_memset  direct 1 300 fill
static OPAQUE void cleared_by_memset(bool leak)
{
    fill(&here, 300, 'h');
    used(&here);
    printf("%zu %c\n", here.size, here.bytes[0]);
    if (leak)
        memset(&here, 0, sizeof here);
}

static OPAQUE void store(unsigned key, size_t size)
{
    char *text = malloc(size); // alloc: store
    memset(text, 'a' + key % 26, size);
    slots[key % 8] = text;
}

// A small cache with eight slots: what was in a slot before is not freed.
// case: slot_reused  direct 12 240 store
static OPAQUE void slot_reused(bool leak)
{
    used(slots);
    for (unsigned key = 0; key < 20; key++) {
        if (!leak)
            free(slots[key % 8]);
        store(key, 20);
    }
    printf("%c\n", slots[3][0]);
}

static char *left, *right;

// A swap without the third variable.
// case: swapped_wrongly  direct 1 16 swap
static OPAQUE void swap(bool leak)
{
    left = calloc(4, 4);  // alloc: swap
    right = calloc(5, 4); // alloc: swap.right
    used(&left);
    used(&right);
    char *third = left;
    left = right;
    right = leak ? left : third;
}

static OPAQUE void swapped_wrongly(bool leak)
{
    swap(leak);
    printf("%d\n", left[0] + right[0]);
}

// A function's static cache: clean keeps the last answer there, as gethostbyname does; leak makes a new one each time.
// case: answer_not_cached  direct 4 128 answer
static OPAQUE const char *answer(int question, bool leak)
{
    static char *cached;
    used(&cached);
    if (leak || !cached)
        cached = malloc(32); // alloc: answer
    snprintf(cached, 32, "answer %d", question);
    return cached;
}

static OPAQUE void answer_not_cached(bool leak)
{
    for (int i = 0; i < 5; i++)
        puts(answer(i, leak));
}

// Ownership over two levels: the outer block is freed, the pointer in it was the last.
// case: inner_block_of_a_freed_one  direct 1 100 nest.inner
static OPAQUE void nest(bool leak)
{
    char **outer = malloc(sizeof *outer); // alloc: nest
    *outer = malloc(100);                 // alloc: nest.inner
    strcpy(*outer, "inner");
    puts(*outer);
    if (!leak)
        free(*outer);
    free(outer);
}

static const struct leak_case cases[] = {
    {"config_reloaded", config_reloaded},
    {"member_overwritten", member_overwritten},
    {"structure_copied_over", structure_copied_over},
    {"cleared_by_memset", cleared_by_memset},
    {"slot_reused", slot_reused},
    {"swapped_wrongly", swapped_wrongly},
    {"answer_not_cached", answer_not_cached},
    {"inner_block_of_a_freed_one", nest},
    {NULL, NULL},
};

int main(int argc, char **argv) { return run_case(cases, argc, argv); }
