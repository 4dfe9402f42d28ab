// Losses in functions that libc calls: comparisons, walkers, once-routines, hooks of fork and exit, a signal's handler.

#include "leaks.h"
#include <ftw.h>
#include <link.h>
#include <pthread.h>
#include <search.h>
#include <signal.h>

static bool leaking;

static OPAQUE char *lower(const char *word)
{
    char *copy = malloc(16); // alloc: lower
    snprintf(copy, 16, "%s", word);
    for (char *c = copy; *c; c++)
        *c |= 32;
    return copy;
}

static int compare_lower(const void *a, const void *b)
{
    char *left = lower(*(char *const *)a), *right = lower(*(char *const *)b);
    int order = strcmp(left, right);
    free(left);
    if (!leaking)
        free(right);
    return order;
}

// Of each comparison's two copies one is freed; four words in this order take qsort five comparisons.
// case: qsort  direct 5 80 lower
static OPAQUE void sort_words(bool leak)
{
    const char *words[] = {"Delta", "bravo", "Alpha", "charlie"};
    leaking = leak;
    qsort(words, 4, sizeof *words, compare_lower);
    printf("%s %s %s %s\n", words[0], words[1], words[2], words[3]);
}

static OPAQUE int note_file(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    char *note = malloc(100); // alloc: note_file
    snprintf(note, 100, "%d %s", type, path + where->base);
    puts(note);
    if (!leaking)
        free(note);
    return 0;
}

// case: nftw  direct 1 100 note_file
static OPAQUE void walk(bool leak)
{
    leaking = leak;
    fclose(fopen("a", "w"));
    nftw("a", note_file, 4, FTW_PHYS);
}

static char *settings;

static OPAQUE void load_settings(void)
{
    char *old = settings;
    settings = strdup("settings of today"); // alloc: load_settings
    if (!leaking)
        free(old);
}

// case: pthread_once  direct 1 18 load_settings
static OPAQUE void twice_by_once(bool leak)
{
    static pthread_once_t first = PTHREAD_ONCE_INIT, second = PTHREAD_ONCE_INIT;
    leaking = leak;
    used(&settings);
    pthread_once(&first, load_settings);
    pthread_once(&second, load_settings);
    puts(settings);
}

static OPAQUE int count_module(struct dl_phdr_info *info, size_t size, void *count)
{
    (void)size;
    char **copy = malloc(sizeof *copy);                           // alloc: count_module
    *copy = strndup(info->dlpi_name, *(int *)count == 0 ? 0 : 8); // alloc: count_module.name
    if (!leaking || ++*(int *)count > 1) {
        free(*copy);
        free(copy);
        return 0;
    }
    return 0;
}

// case: dl_iterate_phdr  direct 1 8 count_module  indirect 1 1 count_module.name
static OPAQUE void walk_modules(bool leak)
{
    int count = 0;
    leaking = leak;
    dl_iterate_phdr(count_module, &count);
    puts("modules");
}

static void *volatile pending;

static OPAQUE void drop_pending(int signal)
{
    (void)signal;
    pending = NULL;
}

// The handler allocates nothing: it resets the pointer.
// case: signal_handler  direct 1 72 wait_for_signal
static OPAQUE void wait_for_signal(bool leak)
{
    pending = calloc(9, 8); // alloc: wait_for_signal
    signal(SIGUSR1, leak ? drop_pending : SIG_IGN);
    raise(SIGUSR1);
    puts(pending ? "pending" : "dropped");
}

static OPAQUE void say_and_free(int status, void *text)
{
    puts(status == 0 ? text : "failed");
    free(text);
}

static OPAQUE void say(int status, void *text)
{
    (void)text;
    puts(status == 0 ? "ended well" : "failed");
}

// Clean: until exit's handlers run, only libc's list of them holds the block; the handler frees it.
// case: on_exit  direct 1 11 announce
static OPAQUE void announce(bool leak)
{
    char *text = strdup("ended well"); // alloc: announce
    if (leak)
        on_exit(say, NULL);
    else
        on_exit(say_and_free, text);
}

static char *at_exit;

static OPAQUE void free_at_exit(void)
{
    puts(at_exit ? at_exit : "nothing");
    free(at_exit);
}

// A handler that would have freed it finds nothing there any more.
// case: atexit  direct 1 25 prepare_exit
static OPAQUE void prepare_exit(bool leak)
{
    at_exit = malloc(25); // alloc: prepare_exit
    strcpy(at_exit, "text for the end");
    used(&at_exit);
    atexit(free_at_exit);
    if (leak)
        at_exit = NULL;
}

static const struct leak_case cases[] = {
    {"qsort", sort_words},
    {"nftw", walk},
    {"pthread_once", twice_by_once},
    {"dl_iterate_phdr", walk_modules},
    {"signal_handler", wait_for_signal},
    {"on_exit", announce},
    {"atexit", prepare_exit},
    {NULL, NULL},
};

int main(int argc, char **argv) { return run_case(cases, argc, argv); }
