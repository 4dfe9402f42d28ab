// cflags: -O1 -g
// A program that reports of leaks speak about. Only its addresses count: the labels at_... stand inside of calls, and
// tests/tool/reports.py finds them with nm. A comment "line: NAME" marks the line that a name must lead to.
#include <stdlib.h>

#define LABEL(name) __asm__ volatile(".globl " #name "\n" #name ":\n\tnop")

struct entry {
    struct entry *next;
    char text[40];
};

struct entry *cache_head;
static volatile int count = 3;

static inline __attribute__((always_inline)) void *take(size_t size)
{
    LABEL(at_take); // line: take
    return malloc(size);
}

__attribute__((noinline)) void *parse_header(size_t size)
{
    char *bytes = take(size); // line: parse_header
    bytes[0] = 'x';
    return bytes;
}

__attribute__((noinline)) void *xmalloc(size_t size)
{
    LABEL(at_xmalloc); // line: xmalloc
    void *bytes = malloc(size);
    return bytes ? bytes : (abort(), bytes);
}

__attribute__((noinline)) struct entry *add_entry(void)
{
    LABEL(at_add_entry); // line: add_entry
    struct entry *entry = xmalloc(sizeof *entry);
    entry->next = cache_head;
    return cache_head = entry;
}

__attribute__((noinline)) void read_config(int lines)
{
    for (int line = 0; line < lines; line++) {
        LABEL(at_read_config); // line: read_config
        free(parse_header(16));
        add_entry();
    }
}

int main(void)
{
    LABEL(at_main); // line: main
    read_config(count);
    return 0;
}
