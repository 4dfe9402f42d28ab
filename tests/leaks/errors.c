// Paths that only errors take: goto fail, an early return, a constructor that fails halfway, longjmp.

#include "leaks.h"
#include <errno.h>
#include <setjmp.h>

struct connection {
    char *host, *request, *reply;
    int error;
};

static OPAQUE bool talk(struct connection *connection)
{
    snprintf(connection->reply, 64, "no answer from %s", connection->host);
    return false;
}

// case: goto_fail  direct 1 64 contact.reply
static OPAQUE int contact(bool leak)
{
    int result = -ECONNREFUSED;
    struct connection connection = {0};
    connection.host = strdup("localhost"); // alloc: contact
    connection.request = malloc(256);      // alloc: contact.request
    connection.reply = malloc(64);         // alloc: contact.reply
    if (!talk(&connection))
        goto fail;
    result = 0;
fail:
    puts(connection.reply);
    free(connection.host);
    free(connection.request);
    if (!leak)
        free(connection.reply);
    return result;
}

static OPAQUE void goto_fail(bool leak) { printf("%d\n", contact(leak)); }

// case: early_return  direct 3 384 parse_line
static OPAQUE int parse_line(const char *line, bool leak)
{
    char *copy = malloc(128); // alloc: parse_line
    snprintf(copy, 128, "%s", line);
    char *value = strchr(copy, '=');
    if (!value && leak)
        return -1;
    int result = value ? atoi(value + 1) : -1;
    free(copy);
    return result;
}

static OPAQUE void early_return(bool leak)
{
    static const char *const lines[] = {"one=1", "two", "three=3", "", "five"};
    int sum = 0;
    for (int i = 0; i < 5; i++)
        sum += parse_line(lines[i], leak);
    printf("sum %d\n", sum);
}

struct window {
    struct window *child;
    char *title;
    long *pixels;
};

// The last part is not to be had: the object is given back, its parts are not.
// case: constructor_failed  direct 1 24 open_window.child  direct 1 8 open_window.title
static OPAQUE struct window *open_window(long pixels, bool leak)
{
    struct window *window = calloc(1, sizeof *window); // alloc: open_window
    window->child = calloc(1, sizeof *window);         // alloc: open_window.child
    window->title = strdup("untitle");                 // alloc: open_window.title
    window->pixels = pixels > 0 ? calloc(pixels, 4) : NULL;
    if (window->pixels)
        return window;
    if (!leak) {
        free(window->child);
        free(window->title);
    }
    free(window);
    return NULL;
}

static OPAQUE void constructor_failed(bool leak)
{
    printf("%s\n", open_window(-1, leak) ? "open" : "not open");
}

static jmp_buf top;

// longjmp leaves the frames whose variables hold the blocks.
// case: longjmp_over_owners  direct 1 40 descend  direct 1 80 descend.twice  direct 1 120 descend.thrice
static OPAQUE void descend(int depth, char **made)
{
    char *mine;
    if (depth == 1)
        mine = malloc(40); // alloc: descend
    else if (depth == 2)
        mine = malloc(80); // alloc: descend.twice
    else
        mine = malloc(120); // alloc: descend.thrice
    memset(mine, depth, 40);
    if (made)
        made[depth - 1] = mine;
    if (depth < 3)
        descend(depth + 1, made);
    else if (mine)
        longjmp(top, 1);
    free(mine);
}

static char *made[3];

static OPAQUE void longjmp_over_owners(bool leak)
{
    if (setjmp(top) == 0)
        descend(1, leak ? NULL : made);
    for (int i = 0; i < 3; i++)
        free(made[i]);
}

// The condition is rare: every tenth record is malformed.
// case: every_tenth_record  direct 10 480 read_record
static OPAQUE long read_record(int number, bool leak)
{
    long *record = malloc(6 * sizeof *record); // alloc: read_record
    for (int i = 0; i < 6; i++)
        record[i] = number + i;
    long sum = record[0] + record[5];
    if (number % 10 != 9 || !leak)
        free(record);
    return sum;
}

static OPAQUE void every_tenth_record(bool leak)
{
    long sum = 0;
    for (int i = 0; i < 100; i++)
        sum += read_record(i, leak);
    printf("sum %ld\n", sum);
}

static const struct leak_case cases[] = {
    {"goto_fail", goto_fail},
    {"early_return", early_return},
    {"constructor_failed", constructor_failed},
    {"longjmp_over_owners", longjmp_over_owners},
    {"every_tenth_record", every_tenth_record},
    {NULL, NULL},
};

int main(int argc, char **argv) { return run_case(cases, argc, argv); }
