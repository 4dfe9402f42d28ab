/* server: a cache of a million live entries that answers requests and frees nothing. A request
 * takes 15 blocks: twelve are needed until it is answered, three become the key's new entry, and
 * the entry they replace is forgotten.
 *
 * In a closed loop the next request comes when the last one is answered. With --rate they come on a
 * schedule, whether the server is ready or not: the service time counts from when work on a request
 * began, the response time from when it was due, so that a pause counts for all whom it kept
 * waiting. Between requests a scheduled server watches the clock; it does not sleep.
 */
#include "heap.h"

enum { BLOCKS_PER_REQUEST = 15, BLOCKS_PER_ENTRY = 3 };
enum { HEADERS = 3, HEADER_BYTES = 40, LINE_BYTES = 64, KEY_BYTES = 24, VALUE_MIN = 32,
       VALUE_MAX = 256, FIRST_ANSWER_BYTES = 64, LOG_BYTES = 96 };

struct entry {
    struct entry *next;
    char *key;
    uint64_t *value;            /* its words in number, then the version that many times */
};

struct header { struct header *next; char *text; };

struct request {
    char *line, *log, *answer;
    struct header *headers;
    struct session *session;
};

struct session { struct request *request; uint64_t key, version; };

struct server {                 /* one a thread, with entries of its own */
    struct entry **bucket;
    uint64_t buckets;           /* a power of two */
    uint64_t live, blocks;      /* entries; blocks taken so far */
    struct rng rng;
    struct histogram service, response;
};

static uint64_t live, requests, rate;
static long threads;
static struct server *servers;

/* ---- the fifteen blocks of a request ---- */

static void *take(struct server *s, size_t bytes)
{
    s->blocks++;
    return new_pointers(bytes);
}

static void *take_data(struct server *s, size_t bytes)
{
    s->blocks++;
    return new_data(bytes);
}

static void text_write(char *text, size_t bytes, uint64_t value)
{
    for (size_t at = 0; at < bytes - 1; at++)
        text[at] = "0123456789abcdef"[value >> 4 * (at % 16) & 15];
    text[bytes - 1] = '\0';
}

static char *text_new(struct server *s, size_t bytes, uint64_t value)
{
    char *text = take_data(s, bytes);
    text_write(text, bytes, value);
    return text;
}

static struct entry *entry_new(struct server *s, uint64_t key, uint64_t version)
{
    struct entry *e = take(s, sizeof *e);
    size_t words = rng_skewed(&s->rng, VALUE_MIN, VALUE_MAX) / sizeof *e->value;
    *e = (struct entry){ .key = text_new(s, KEY_BYTES, key),
                         .value = take_data(s, words * sizeof *e->value) };
    e->value[0] = words;
    for (size_t i = 1; i < words; i++)
        e->value[i] = version;
    return e;
}

static struct request *request_new(struct server *s, uint64_t key, uint64_t version)
{
    struct request *r = take(s, sizeof *r);
    *r = (struct request){ .line = text_new(s, LINE_BYTES, key) };
    for (int i = 0; i < HEADERS; i++) {
        struct header *h = take(s, sizeof *h);
        *h = (struct header){ r->headers, text_new(s, HEADER_BYTES, version + i) };
        r->headers = h;
    }
    r->session = take(s, sizeof *r->session);
    *r->session = (struct session){ r, key, version };
    return r;
}

/* The answer outgrows its first block and moves to one that holds the value as well. */
static void answer_make(struct server *s, struct request *r, const struct entry *old)
{
    char *first = text_new(s, FIRST_ANSWER_BYTES, r->session->key);
    size_t bytes = old->value[0] * sizeof *old->value;
    r->answer = take_data(s, FIRST_ANSWER_BYTES + bytes);
    memcpy(r->answer, first, FIRST_ANSWER_BYTES);
    memcpy(r->answer + FIRST_ANSWER_BYTES, old->value, bytes);
    drop(first);
}

static void request_drop(struct request *r)
{
    for (struct header *h = r->headers, *next; h; h = next) {
        next = h->next;
        drop(h->text);
        drop(h);
    }
    drop(r->session);
    drop(r->answer);
    drop(r->line);
    drop(r->log);
    drop(r);
}

/* ---- entries ---- */

/* The link to the key's entry, or to the end of its bucket. */
static struct entry **entry_find(struct server *s, uint64_t key)
{
    char text[KEY_BYTES];
    text_write(text, sizeof text, key);
    struct entry **link = &s->bucket[(key * 0x9e3779b97f4a7c15u >> 20) & (s->buckets - 1)];
    while (*link && memcmp((*link)->key, text, sizeof text))
        link = &(*link)->next;
    return link;
}

/* Puts `fresh` in the place of the key's entry, or at the end, and gives what was there. */
static struct entry *entry_exchange(struct server *s, uint64_t key, struct entry *fresh)
{
    struct entry **link = entry_find(s, key);
    struct entry *old = *link;
    fresh->next = old ? old->next : NULL;
    *link = fresh;
    return old;
}

static void entry_check(const struct entry *e, uint64_t key)
{
    if (!e)
        fail("the entry of key %lu is lost", key);
    for (uint64_t i = 2; i < e->value[0]; i++)
        if (e->value[i] != e->value[1])
            fail("the value of key %lu is mixed up", key);
}

static void entry_drop(struct entry *e)
{
    drop(e->key);
    drop(e->value);
    drop(e);
}

static void request_answer(struct server *s, uint64_t version)
{
    uint64_t key = rng_below(&s->rng, s->live);
    struct request *r = request_new(s, key, version);
    struct entry *old = entry_exchange(s, key, entry_new(s, key, version));
    entry_check(old, key);
    answer_make(s, r, old);
    r->log = text_new(s, LOG_BYTES, old->value[1]);
    entry_drop(old);
    request_drop(r);
}

/* ---- a server's life ---- */

static void fill(struct server *s)
{
    for (s->buckets = 1; s->buckets < s->live; s->buckets *= 2)
        continue;
    s->bucket = new_table(s->buckets, sizeof *s->bucket);
    for (uint64_t key = 0; key < s->live; key++)
        entry_exchange(s, key, entry_new(s, key, 0));
}

static int64_t wait_until(int64_t due_ns)
{
    int64_t now;
    while ((now = now_ns()) < due_ns)
        __builtin_ia32_pause();
    return now;
}

static void serve(struct server *s, uint64_t count, double period_ns)
{
    int64_t opened = now_ns(), done = opened;
    for (uint64_t i = 1; i <= count; i++) {
        int64_t due = rate ? opened + (int64_t)(i * period_ns) : done;
        int64_t began = rate ? wait_until(due) : done;
        request_answer(s, i);
        done = now_ns();
        histogram_add(&s->service, done - began);
        histogram_add(&s->response, done - due);
    }
}

static uint64_t close_down(struct server *s)
{
    uint64_t sum = 0;
    for (uint64_t key = 0; key < s->live; key++) {
        struct entry **link = entry_find(s, key), *e = *link;
        entry_check(e, key);
        sum = 31 * sum + e->value[1] + e->value[0];
        *link = e->next;
        entry_drop(e);
    }
    drop(s->bucket);
    return sum;
}

static void *run(void *argument)
{
    struct worker *w = argument;
    struct server *s = &servers[w->id];
    uint64_t count = requests / threads;
    s->rng = w->rng;
    s->live = live / threads;
    fill(s);
    serve(s, count, 1e9 * threads / (rate ? rate : 1));
    w->sum = close_down(s);
    uint64_t expected = count * BLOCKS_PER_REQUEST + s->live * BLOCKS_PER_ENTRY;
    if (s->blocks != expected)
        fail("%lu blocks were taken instead of %lu", s->blocks, expected);
    return NULL;
}

int main(int argc, char **argv)
{
    heap_options(argc, argv);
    threads = option("threads", 1, "servers, each with its own entries");
    live = scaled(option("live", 1000000, "live entries"));
    requests = scaled(option("requests", 500000, "requests in a closed loop"));
    rate = option("rate", 0, "requests a second on a schedule, 0: closed loop");
    long seconds = option("seconds", 5, "length of the schedule");
    heap_begin();
    if (rate)
        requests = scaled(rate * seconds);

    servers = new_table(threads, sizeof *servers);
    uint64_t sum = run_workers(threads, run);
    for (long i = 1; i < threads; i++) {
        histogram_merge(&servers->service, &servers[i].service);
        histogram_merge(&servers->response, &servers[i].response);
    }
    histogram_print(&servers->service, "service");
    if (rate)
        histogram_print(&servers->response, "response");
    drop(servers);
    heap_end();
    result_checksum(sum);
}
