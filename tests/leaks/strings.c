// Blocks that libc allocates for its caller: strdup, asprintf, getline, open_memstream, scandir, realpath, putenv ...

#include "leaks.h"
#include <dirent.h>
#include <glob.h>
#include <search.h>
#include <stdarg.h>
#include <wchar.h>

static char *kept;

// case: strdup  direct 1 13 duplicate  direct 1 5 duplicate.n  direct 1 12 duplicate.wide
static OPAQUE void duplicate(bool leak)
{
    char *whole = strdup("hello, world");    // alloc: duplicate
    char *part = strndup("hello, world", 4); // alloc: duplicate.n
    wchar_t *wide = wcsdup(L"hi");           // alloc: duplicate.wide
    printf("%s %s %ls\n", whole, part, wide);
    if (!leak) {
        free(whole);
        free(part);
        free(wide);
    }
}

static OPAQUE __attribute__((format(printf, 1, 2))) char *format(const char *how, ...)
{
    char *text = NULL;
    va_list list;
    va_start(list, how);
    int length = vasprintf(&text, how, list); // alloc: format
    va_end(list);
    return length < 0 ? NULL : text;
}

// case: asprintf  direct 1 9 print  direct 1 401 format
static OPAQUE void print(bool leak)
{
    char *one;
    if (asprintf(&one, "%d,%d", 1234, 567) < 0) // alloc: print
        return;
    char *two = format("%400d", 1);
    printf("%s %zu\n", one, strlen(two));
    if (!leak) {
        free(one);
        free(two);
    }
}

// The buffer is forgotten after each line instead of after the last.
// case: getline  direct 3 360 read_lines
static OPAQUE void read_lines(bool leak)
{
    char text[] = "first\nsecond\nthird\n";
    FILE *file = fmemopen(text, sizeof text - 1, "r");
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, file) > 0) { // alloc: read_lines
        fputs(line, stdout);
        if (leak)
            line = NULL, room = 0;
    }
    free(line);
    fclose(file);
}

// case: open_memstream  direct 1 12 build_text
static OPAQUE void build_text(bool leak)
{
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size); // alloc: build_text.stream
    fprintf(stream, "%s %d", "written", 123);
    fclose(stream); // alloc: build_text
    puts(text);
    if (!leak)
        free(text);
}

static OPAQUE void touch_files(void)
{
    for (char name[] = "a"; *name <= 'c'; ++*name)
        fclose(fopen(name, "w"));
}

static int not_dot(const struct dirent *entry) { return entry->d_name[0] != '.'; }

// case: scandir  direct 1 80 list_folder  indirect 3 72 list_folder
static OPAQUE void list_folder(bool leak)
{
    touch_files();
    struct dirent **entries;
    int count = scandir(".", &entries, not_dot, alphasort); // alloc: list_folder
    for (int i = 0; i < count; i++)
        puts(entries[i]->d_name);
    while (!leak && count-- > 0)
        free(entries[count]);
    if (!leak)
        free(entries);
}

// Only the array is freed.
// case: scandir_entries  direct 3 72 list_names
static OPAQUE void list_names(bool leak)
{
    touch_files();
    struct dirent **entries;
    int count = scandir(".", &entries, not_dot, alphasort); // alloc: list_names
    printf("%d\n", count);
    while (!leak && count-- > 0)
        free(entries[count]);
    free(entries);
}

// case: opendir  direct 1 32816 count_names
static OPAQUE void count_names(bool leak)
{
    touch_files();
    DIR *folder = opendir("."); // alloc: count_names
    int count = 0;
    for (const struct dirent *entry; (entry = readdir(folder));)
        count += not_dot(entry);
    printf("%d\n", count);
    if (!leak)
        closedir(folder);
}

// case: realpath  direct 1 6 resolve
static OPAQUE void resolve(bool leak)
{
    kept = realpath("/proc/../proc/.", NULL); // alloc: resolve
    used(&kept);
    puts(kept);
    if (leak)
        kept = NULL;
}

// case: glob  direct 1 ? match  indirect 3 6 match
static OPAQUE void match(bool leak)
{
    touch_files();
    glob_t found;
    printf("%d\n", glob("[a-c]", 0, NULL, &found)); // alloc: match
    printf("%zu\n", found.gl_pathc);
    if (!leak)
        globfree(&found);
}

static OPAQUE char *variable(const char *name, const char *value)
{
    char *text = malloc(32); // alloc: variable
    snprintf(text, 32, "%s=%s", name, value);
    return text;
}

// A string belongs to the environment until another takes its place. Clean: only the environment holds it.
// case: putenv  direct 1 32 variable
static OPAQUE void change_environment(bool leak)
{
    putenv(variable("LEAKS_A", "one"));
    putenv(variable("LEAKS_B", "two"));
    if (leak)
        putenv("LEAKS_A=three");
    printf("%s\n", getenv("LEAKS_B"));
}

static int compare(const void *a, const void *b) { return strcmp(a, b); }

static OPAQUE void remember(void **tree, const char *word)
{
    char *key = strdup(word);                 // alloc: remember
    void *node = tsearch(key, tree, compare); // alloc: remember.node
    used(node);
}

static void *words;

// libc's binary tree: its nodes point to the program's keys.
// case: tsearch  direct 1 24 remember.node  indirect 2 48 remember.node  indirect 3 14 remember
static OPAQUE void tree_of_words(bool leak)
{
    remember(&words, "mmm");
    remember(&words, "aaaa");
    remember(&words, "zzzz");
    used(&words);
    printf("%s\n", tfind("aaaa", &words, compare) ? "found" : "missing");
    if (leak)
        words = NULL;
}

// tdelete frees the node, not the key.
// case: tdelete  direct 1 5 remember
static OPAQUE void word_removed(bool leak)
{
    remember(&words, "mmm");
    remember(&words, "aaaa");
    used(&words);
    char *key = *(char **)tfind("aaaa", &words, compare);
    tdelete(key, &words, compare);
    if (!leak)
        free(key);
}

// A buffer that stdio was given. Clean: only the open file holds it, and only libc's list of files holds that.
// case: setvbuf  direct 1 512 buffered
// valgrind: clean  it looks when exit has taken their buffers from the files
static OPAQUE void buffered(bool leak)
{
    FILE *file = fopen("out", "w");
    char *buffer = malloc(512); // alloc: buffered
    setvbuf(file, buffer, _IOFBF, 512);
    fprintf(file, "%d\n", 1);
    if (leak)
        fclose(file);
}

static const struct leak_case cases[] = {
    {"strdup", duplicate},
    {"asprintf", print},
    {"getline", read_lines},
    {"open_memstream", build_text},
    {"scandir", list_folder},
    {"scandir_entries", list_names},
    {"opendir", count_names},
    {"realpath", resolve},
    {"glob", match},
    {"putenv", change_environment},
    {"tsearch", tree_of_words},
    {"tdelete", word_removed},
    {"setvbuf", buffered},
    {NULL, NULL},
};

int main(int argc, char **argv) { return run_case(cases, argc, argv); }
