// Suppressions: by the allocating function, by a caller of it, by the module; what only a suppressed block led to is
// suppressed with it, what is lost beside it is not.
//
// cflags: -rdynamic

#include "leaks.h"

struct cache {
    char *name;
    struct cache *next;
};

OPAQUE struct cache *make_cache(const char *name, struct cache *next);
OPAQUE void warm_up(bool leak);
OPAQUE void lose(size_t bytes, bool leak);

OPAQUE char *name_cache(const char *name)
{
    char *copy = malloc(24); // alloc: name_cache
    snprintf(copy, 24, "cache of %s", name);
    return copy;
}

struct cache *make_cache(const char *name, struct cache *next)
{
    struct cache *cache = malloc(sizeof *cache); // alloc: make_cache
    cache->name = name_cache(name);
    cache->next = next;
    return cache;
}

static OPAQUE void discard(struct cache *cache)
{
    while (cache) {
        struct cache *next = cache->next;
        free(cache->name);
        free(cache);
        cache = next;
    }
}

void lose(size_t bytes, bool leak)
{
    char *text = calloc(1, bytes); // alloc: lose
    snprintf(text, bytes, "lost");
    used(text);
    if (!leak)
        free(text);
}

// case: allocating_function  suppressed direct 1 30 lose
// suppress: leak:lose
static OPAQUE void allocating_function(bool leak) { lose(30, leak); }

void warm_up(bool leak)
{
    lose(40, leak);
    lose(50, leak);
    puts("warm");
}

// The frame that matches is not the innermost; the same allocating function elsewhere is not suppressed.
// case: calling_function  suppressed direct 2 90 lose  direct 1 60 lose
// suppress: leak:warm_up
static OPAQUE void calling_function(bool leak)
{
    warm_up(leak);
    lose(60, leak);
}

// The names come from another function, and are suppressed with the caches that led to them.
// case: children  suppressed direct 1 16 make_cache  suppressed indirect 2 32 make_cache
// also: suppressed indirect 3 72 name_cache  direct 1 70 lose
// suppress: leak:make_cache
static OPAQUE void children(bool leak)
{
    struct cache *cache = make_cache("one", make_cache("two", make_cache("three", NULL)));
    puts(cache->name);
    if (!leak)
        discard(cache);
    lose(70, leak);
}

// The parent is not suppressed: of its children only those that match are.
// case: child_only  direct 1 16 make_cache  suppressed indirect 1 24 name_cache
// suppress: leak:name_cache
static OPAQUE void child_only(bool leak)
{
    struct cache *cache = make_cache("one", NULL);
    puts(cache->name);
    if (!leak)
        discard(cache);
}

// case: module  suppressed direct 1 80 lose
// suppress: leak:suppressed.O
static OPAQUE void module(bool leak) { lose(80, leak); }

// case: pattern  suppressed direct 1 45 lose  direct 1 46 lose_another
// suppress: leak:nothing_of_that_name
// suppress: leak:^lo*e$
OPAQUE void lose_another(size_t bytes, bool leak)
{
    char *text = calloc(1, bytes); // alloc: lose_another
    used(text);
    if (!leak)
        free(text);
}

static OPAQUE void pattern(bool leak)
{
    lose(45, leak);
    lose_another(46, leak);
}

// A pattern for what is not there changes nothing.
// case: no_match  direct 1 90 lose
// suppress: leak:another_function
static OPAQUE void no_match(bool leak) { lose(90, leak); }

static const struct leak_case cases[] = {
    {"allocating_function", allocating_function},
    {"calling_function", calling_function},
    {"children", children},
    {"child_only", child_only},
    {"module", module},
    {"pattern", pattern},
    {"no_match", no_match},
    {NULL, NULL},
};

int main(int argc, char **argv) { return run_case(cases, argc, argv); }
