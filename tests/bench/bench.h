/* bench.h: what all benchmark programs share.
 *
 * A program does a fixed amount of work, drawn from its own random generator, and prints lines of
 * `key value` that the driver reads; one of them is `checksum`, equal under every allocator.
 * Blocks carry their size and a tag in front and the tag's low byte at their end, so a block that
 * was handed out twice or cut short shows when it is freed, or in the checksum.
 *
 * Exit codes: 0 right, 2 bad option, 3 wrong result.
 */
#ifndef BENCH_H
#define BENCH_H

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, EXIT_WRONG = 3, CACHE_LINE = 64, PAGE_BYTES = 4096 };

__attribute__((noreturn, format(printf, 1, 2)))
static inline void fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("wrong: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    _exit(EXIT_WRONG);
}

/* ---- options: --name=value, a bare --name counts as 1; --help lists what was asked for ---- */

static struct {
    int count;
    char **text;    /* an entry becomes NULL once it was understood */
    bool help;
    long percent;   /* of the default amount of work */
} options;

static inline const char *option_text(const char *name, const char *fallback, const char *what)
{
    if (options.help)
        printf("  --%s=%s\t%s\n", name, fallback, what);
    size_t length = strlen(name);
    for (int i = 1; i < options.count; i++) {
        char *text = options.text[i];
        if (!text || strncmp(text, "--", 2) || strncmp(text + 2, name, length))
            continue;
        char after = text[2 + length];
        if (after != '=' && after != '\0')
            continue;
        options.text[i] = NULL;
        fallback = after ? text + 3 + length : "1";
    }
    return fallback;
}

static inline long option(const char *name, long fallback, const char *what)
{
    char shown[24], *end;
    snprintf(shown, sizeof shown, "%ld", fallback);
    const char *text = option_text(name, shown, what);
    long value = strtol(text, &end, 10);
    if (end == text || *end || value < 0) {
        fprintf(stderr, "--%s: not a number: %s\n", name, text);
        exit(EXIT_USAGE);
    }
    return value;
}

/* One of several words, ended by NULL; the first is the default. Gives its position. */
static inline int option_choice(const char *name, const char *const words[], const char *what)
{
    const char *text = option_text(name, words[0], what);
    for (int i = 0; words[i]; i++)
        if (!strcmp(text, words[i]))
            return i;
    fprintf(stderr, "--%s: unknown: %s\n", name, text);
    exit(EXIT_USAGE);
}

static inline void options_begin(int argc, char **argv)
{
    options.count = argc;
    options.text = argv;
    for (int i = 1; i < argc; i++)
        options.help |= !strcmp(argv[i], "--help");
    options.percent = option("percent", 100, "amount of work, in percent");
}

static inline void options_end(void)
{
    if (options.help)
        exit(0);
    for (int i = 1; i < options.count; i++)
        if (options.text[i]) {
            fprintf(stderr, "unknown option: %s\n", options.text[i]);
            exit(EXIT_USAGE);
        }
}

static inline long scaled(long work)
{
    long part = work * options.percent / 100;
    return part > 0 ? part : 1;
}

/* ---- results ---- */

static inline void result(const char *key, double value)
{
    printf("%s %.6g\n", key, value);
}

static inline void result_checksum(uint64_t sum)
{
    printf("checksum %016lx\n", sum);
}

/* ---- time ---- */

static inline int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

/* ---- random numbers: a Weyl sequence, its bits mixed by two multiplications ---- */

struct rng { uint64_t state; };

static inline uint64_t rng_next(struct rng *r)
{
    uint64_t x = r->state += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 31)) * 0xd6e8feb86659fd93u;
    x = (x ^ (x >> 29)) * 0xff51afd7ed558ccdu;
    return x ^ (x >> 32);
}

static inline uint64_t rng_below(struct rng *r, uint64_t limit)     /* limit < 2^32 */
{
    return ((rng_next(r) >> 32) * limit) >> 32;
}

static inline uint64_t rng_between(struct rng *r, uint64_t low, uint64_t high)
{
    return low + rng_below(r, high - low + 1);
}

/* Small values are as likely as large ones of the next doubling: what real sizes look like. */
static inline uint64_t rng_skewed(struct rng *r, uint64_t low, uint64_t high)
{
    unsigned doublings = 63 - __builtin_clzl(high / low);
    uint64_t base = low << rng_below(r, doublings + 1);
    uint64_t top = 2 * base - 1 < high ? 2 * base - 1 : high;
    return rng_between(r, base, top);
}

static inline void shuffle_pointers(void **item, size_t count, struct rng *r)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = rng_below(r, i);
        void *swapped = item[i - 1];
        item[i - 1] = item[j];
        item[j] = swapped;
    }
}

/* ---- blocks ---- */

struct block {
    struct block *next;     /* for the program's use */
    uint32_t bytes;
    uint32_t tag;
};

static inline void *get(size_t bytes)
{
    void *p = malloc(bytes);
    if (!p)
        fail("malloc(%zu): %s", bytes, strerror(errno));
    return p;
}

static inline unsigned char *block_last(struct block *b)
{
    return (unsigned char *)b + b->bytes - 1;
}

static inline struct block *block_stamp(struct block *b, size_t bytes, uint32_t tag)
{
    *b = (struct block){ .bytes = bytes, .tag = tag };
    if (bytes > sizeof *b)
        *block_last(b) = (unsigned char)tag;
    return b;
}

static inline struct block *block_new(size_t bytes, uint32_t tag)
{
    return block_stamp(get(bytes), bytes, tag);
}

/* Writes to every page, as a program that uses its memory does. */
static inline void block_touch(struct block *b)
{
    for (size_t at = PAGE_BYTES; at + 1 < b->bytes; at += PAGE_BYTES)
        ((volatile char *)b)[at] = 1;
}

static inline uint64_t block_free(struct block *b)
{
    uint64_t tag = b->tag;
    if (b->bytes > sizeof *b && *block_last(b) != (unsigned char)tag)
        fail("block %p of %u bytes was overwritten", (void *)b, b->bytes);
    free(b);
    return tag;
}

static inline uint64_t list_free(struct block *b)
{
    uint64_t sum = 0;
    for (struct block *next; b; b = next) {
        next = b->next;
        sum += block_free(b);
    }
    return sum;
}

/* ---- workers: the same body on several threads, each with its own random numbers ---- */

struct worker {
    _Alignas(CACHE_LINE) long id;
    struct rng rng;
    uint64_t sum;
    pthread_t thread;
};

static inline void thread_start(pthread_t *thread, void *(*body)(void *), void *argument)
{
    int error = pthread_create(thread, NULL, body, argument);
    if (error)
        fail("pthread_create: %s", strerror(error));
}

enum { WORKERS_MAX = 256 };

/* Gives the total of the workers' sums. A single worker runs on the calling thread. The workers are no array of variable
 * length: the slack around one would hold what calls before left on the stack, a tree's root as a rule. */
static inline uint64_t run_workers(long count, void *(*body)(void *))
{
    static struct worker worker[WORKERS_MAX];
    uint64_t sum = 0;
    if (count > WORKERS_MAX)
        fail("more than %d threads", WORKERS_MAX);
    for (long i = 0; i < count; i++)
        worker[i] = (struct worker){ .id = i, .rng.state = 1000003 * (i + 1) };
    if (count == 1) {
        body(worker);
        return worker->sum;
    }
    for (long i = 0; i < count; i++)
        thread_start(&worker[i].thread, body, &worker[i]);
    for (long i = 0; i < count; i++) {
        pthread_join(worker[i].thread, NULL);
        sum += worker[i].sum;
    }
    return sum;
}

#endif
