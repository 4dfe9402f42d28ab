/* store: a key-value store in a hash table. Sets, deletes and gets on random keys; an entry is
 * three blocks (entry, key, value), and values are replaced by others of another size. */
#include "bench.h"

enum { KEYS = 200000, BUCKETS = 1 << 18, KEY_MAX = 40, VALUE_MAX = 2048 };
enum { SETS = 6, DELETES = 2, GETS = 2 };   /* in ten */

struct entry {
    struct entry *next;
    char *key;
    struct block *value;
};

static struct entry *bucket[BUCKETS];

/* "user:<digits>:<padding>", 7 to 38 characters long */
static void key_make(char *key, uint64_t id)
{
    char *end = stpcpy(key, "user:");
    for (uint64_t rest = id; rest > 0; rest /= 10)
        *end++ = (char)('0' + rest % 10);
    *end++ = ':';
    size_t padding = id * 7 % 26;
    memset(end, 'x', padding);
    end[padding] = '\0';
}

static uint64_t key_hash(const char *key)
{
    uint64_t hash = 5381;
    while (*key)
        hash = hash * 33 + (unsigned char)*key++;
    return (hash * 0x9e3779b97f4a7c15u) >> 46;
}

/* The link that points to the key's entry, or the one where it would go. */
static struct entry **find(const char *key)
{
    struct entry **link = &bucket[key_hash(key) % BUCKETS];
    while (*link && strcmp((*link)->key, key))
        link = &(*link)->next;
    return link;
}

static uint64_t set(struct entry **link, const char *key, struct block *value)
{
    uint64_t replaced = 0;
    struct entry *e = *link;
    if (e) {
        replaced = block_free(e->value);
    } else {
        *link = e = get(sizeof *e);
        *e = (struct entry){ .key = get(strlen(key) + 1) };
        strcpy(e->key, key);
    }
    e->value = value;
    return replaced;
}

static uint64_t delete(struct entry **link)
{
    struct entry *e = *link;
    if (!e)
        return 0;
    *link = e->next;
    uint64_t tag = block_free(e->value);
    free(e->key);
    free(e);
    return tag;
}

static uint64_t step(struct rng *rng)
{
    char key[KEY_MAX];
    key_make(key, rng_below(rng, KEYS));
    struct entry **link = find(key);
    uint64_t kind = rng_below(rng, SETS + DELETES + GETS);
    if (kind < SETS)
        return set(link, key, block_new(rng_skewed(rng, 16, VALUE_MAX), rng_next(rng)));
    if (kind < SETS + DELETES)
        return delete(link);
    return *link ? (*link)->value->tag : 0;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    long steps = scaled(option("steps", 1500000, "sets, deletes and gets"));
    options_end();

    struct rng rng = { 7 };
    uint64_t sum = 0;
    while (steps-- > 0)
        sum += step(&rng);
    for (long i = 0; i < BUCKETS; i++)
        while (bucket[i])
            sum += delete(&bucket[i]);
    result_checksum(sum);
}
