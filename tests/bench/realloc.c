/* realloc: growth in place or by moving. `strings`: many strings that grow by a few characters at
 * a time. `vectors`: a few arrays that double. What moved is compared with what was written. */
#include "bench.h"

static const char *const shapes[] = { "strings", "vectors", NULL };

static void *grow(void *p, size_t bytes)
{
    void *moved = realloc(p, bytes);
    if (!moved)
        fail("realloc(%zu): %s", bytes, strerror(errno));
    return moved;
}

/* ---- strings ---- */

enum { STRINGS = 10000, STRING_MAX = 4096, APPEND_MAX = 64 };

struct string { char *text; size_t length; };

static char letter(size_t string, size_t at)
{
    return (char)('a' + ((string + at) & 15));
}

static void string_append(struct string *s, size_t id, size_t count)
{
    s->text = grow(s->text, s->length + count);
    for (size_t end = s->length + count; s->length < end; s->length++)
        s->text[s->length] = letter(id, s->length);
}

static uint64_t string_end(struct string *s, size_t id)
{
    uint64_t length = s->length;
    for (size_t i = 0; i < length; i++)
        if (s->text[i] != letter(id, i))
            fail("string %zu lost its character %zu", id, i);
    free(s->text);
    *s = (struct string){ 0 };
    return length;
}

static uint64_t strings_run(long steps)
{
    struct rng rng = { 4 };
    uint64_t sum = 0;
    struct string *all = calloc(STRINGS, sizeof *all);
    for (long i = 0; i < steps; i++) {
        size_t id = rng_below(&rng, STRINGS);
        string_append(&all[id], id, rng_between(&rng, 1, APPEND_MAX));
        if (all[id].length > STRING_MAX)
            sum = 31 * sum + string_end(&all[id], id);
    }
    for (size_t id = 0; id < STRINGS; id++)
        sum = 31 * sum + string_end(&all[id], id);
    free(all);
    return sum;
}

/* ---- vectors ---- */

enum { VECTORS = 16, RUN = 64, FIRST_CAPACITY = 8 };

struct vector { uint64_t *item; size_t count, capacity; };

static void vector_push(struct vector *v, uint64_t value)
{
    if (v->count == v->capacity) {
        v->capacity = v->capacity ? 2 * v->capacity : FIRST_CAPACITY;
        v->item = grow(v->item, v->capacity * sizeof *v->item);
    }
    v->item[v->count++] = value;
}

static uint64_t vector_end(struct vector *v)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < v->count; i++)
        sum += v->item[i];
    free(v->item);
    return sum;
}

static uint64_t vectors_round(long items)
{
    struct vector all[VECTORS] = { 0 };
    uint64_t pushed = 0, found = 0;
    for (long i = 0; i < items; i += RUN)
        for (long j = i; j < i + RUN; j++) {
            vector_push(&all[i / RUN % VECTORS], j * j);
            pushed += j * j;
        }
    for (int i = 0; i < VECTORS; i++)
        found += vector_end(&all[i]);
    if (pushed != found)
        fail("vectors hold %lx instead of %lx", found, pushed);
    return found;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    int vectors = option_choice("shape", shapes, "strings or vectors");
    long steps = scaled(option("steps", 4000000, "strings: appends"));
    long rounds = scaled(option("rounds", 20, "vectors: times that all are built"));
    long items = option("items", 8000000, "vectors: items in all");
    options_end();

    uint64_t sum = 0;
    if (vectors)
        for (; rounds > 0; rounds--)
            sum += vectors_round(items);
    else
        sum = strings_run(steps);
    result_checksum(sum);
}
