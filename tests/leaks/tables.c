// Tables: entries taken out of a hash and not freed, the table freed but not its entries, matrices, arrays of pointers.

#include "leaks.h"
#include <alloca.h>
#include <unistd.h>

struct entry {
    struct entry *next;
    char *key;
    long value;
};

struct table {
    struct entry **buckets;
    size_t count;
};

static struct table *table;
static char **array;

static unsigned hash(const char *key)
{
    unsigned h = 5381;
    while (*key)
        h = h * 33 + (unsigned char)*key++;
    return h;
}

static OPAQUE struct table *make_table(size_t count)
{
    struct table *made = malloc(sizeof *made);     // alloc: make_table
    made->buckets = calloc(count, sizeof(void *)); // alloc: make_table.buckets
    made->count = count;
    return made;
}

static OPAQUE void insert(struct table *into, const char *key, long value)
{
    struct entry **bucket = &into->buckets[hash(key) % into->count];
    struct entry *entry = malloc(sizeof *entry); // alloc: insert
    entry->key = strdup(key);                    // alloc: insert.key
    entry->value = value;
    entry->next = *bucket;
    *bucket = entry;
}

static OPAQUE struct entry *take(struct table *from, const char *key)
{
    struct entry **link = &from->buckets[hash(key) % from->count];
    while (*link && strcmp((*link)->key, key))
        link = &(*link)->next;
    struct entry *entry = *link;
    if (entry)
        *link = entry->next;
    return entry;
}

static OPAQUE void fill(struct table *into, int count)
{
    char key[16];
    for (int i = 0; i < count; i++) {
        snprintf(key, sizeof key, "key%02d", i);
        insert(into, key, i);
    }
}

static OPAQUE void free_entries(struct table *of)
{
    for (size_t i = 0; i < of->count; i++)
        for (struct entry *entry = of->buckets[i], *next; entry; entry = next) {
            next = entry->next;
            free(entry->key);
            free(entry);
        }
}

// case: entries_removed  direct 5 120 insert  indirect 5 30 insert.key
static OPAQUE void entries_removed(bool leak)
{
    char key[16];
    table = make_table(7);
    used(&table);
    fill(table, 20);
    for (int i = 0; i < 20; i += 4) {
        snprintf(key, sizeof key, "key%02d", i);
        struct entry *entry = take(table, key);
        entry->next = NULL;
        if (!leak) {
            free(entry->key);
            free(entry);
        }
    }
    printf("%s\n", take(table, "key04") ? "still there" : "removed");
}

// case: table_dropped  direct 1 16 make_table  indirect 1 104 make_table.buckets
// also: indirect 6 144 insert  indirect 6 36 insert.key
static OPAQUE void table_dropped(bool leak)
{
    table = make_table(13);
    used(&table);
    fill(table, 6);
    if (leak)
        table = NULL;
}

// One entry a bucket, the buckets are freed without them.
// case: entries_forgotten  direct 10 240 insert  indirect 10 60 insert.key
static OPAQUE void entries_forgotten(bool leak)
{
    struct table *made = make_table(1000);
    fill(made, 10);
    if (!leak)
        free_entries(made);
    free(made->buckets);
    free(made);
}

// The larger array takes the entries over, the smaller is not freed. It would lead to the entries, which are held.
// case: buckets_grown  direct 1 40 make_table.buckets
static OPAQUE void buckets_grown(bool leak)
{
    table = make_table(5);
    used(&table);
    fill(table, 5);
    struct table *larger = make_table(50);
    for (size_t i = 0; i < table->count; i++)
        for (struct entry *entry; (entry = table->buckets[i]);) {
            table->buckets[i] = entry->next;
            struct entry **bucket = &larger->buckets[hash(entry->key) % larger->count];
            entry->next = *bucket;
            *bucket = entry;
        }
    if (!leak)
        free(table->buckets);
    *table = *larger;
    free(larger);
    printf("%zu\n", table->count);
}

static OPAQUE void row(double **matrix, int i)
{
    matrix[i] = malloc(20 * sizeof **matrix); // alloc: row
    for (int j = 0; j < 20; j++)
        matrix[i][j] = i * j;
}

// case: rows_of_a_matrix  direct 6 960 row
static OPAQUE void matrix(bool leak)
{
    double **rows = malloc(6 * sizeof *rows); // alloc: matrix
    for (int i = 0; i < 6; i++)
        row(rows, i);
    printf("%g\n", rows[5][19]);
    for (int i = 0; !leak && i < 6; i++)
        free(rows[i]);
    free(rows);
}

// case: rows_on_the_stack  direct 6 960 row
static OPAQUE void rows_on_the_stack(bool leak)
{
    double **rows = alloca(6 * sizeof *rows);
    for (int i = 0; i < 6; i++)
        row(rows, i);
    printf("%g\n", rows[5][19]);
    for (int i = 0; !leak && i < 6; i++)
        free(rows[i]);
}

static OPAQUE char **strings(int count)
{
    char **made = calloc(count + 1, sizeof *made); // alloc: strings
    for (int i = 0; i < count; i++) {
        made[i] = malloc(20); // alloc: strings.one
        snprintf(made[i], 20, "NAME%c=value", '0' + i);
    }
    return made;
}

// Ended by a null pointer, as argv and environ are.
// case: string_array  direct 1 72 strings  indirect 8 160 strings.one
static OPAQUE void string_array(bool leak)
{
    array = strings(8);
    used(&array);
    puts(array[7]);
    if (leak)
        array = NULL;
}

// Clean: the environment is this array, and nothing else leads to it.
// case: environment_replaced  direct 1 48 strings  indirect 5 100 strings.one
static OPAQUE void environment_replaced(bool leak)
{
    char **before = environ;
    environ = strings(5);
    puts(getenv("NAME3"));
    if (leak)
        environ = before;
}

// The array moves along as its elements are used up; in the end it points past all of them.
// case: array_consumed  direct 3 60 strings.one
static OPAQUE void array_consumed(bool leak)
{
    char **all = strings(3);
    for (char **next = all; *next; *next++ = NULL) {
        puts(*next);
        if (!leak)
            free(*next);
    }
    free(all);
}

static const struct leak_case cases[] = {
    {"entries_removed", entries_removed},
    {"table_dropped", table_dropped},
    {"entries_forgotten", entries_forgotten},
    {"buckets_grown", buckets_grown},
    {"rows_of_a_matrix", matrix},
    {"rows_on_the_stack", rows_on_the_stack},
    {"string_array", string_array},
    {"environment_replaced", environment_replaced},
    {"array_consumed", array_consumed},
    {NULL, NULL},
};

int main(int argc, char **argv) { return run_case(cases, argc, argv); }
