// Plugins: what a module lost that is no longer there, what its variables held when it went, what its host lost of it.
// The frames of a module that was closed keep its path and their offsets in it.
//
// plugin: dlopen

#include "leaks.h"
#include <dlfcn.h>

struct record {
    struct record *next;
    char text[56];
};

#ifdef PLUGIN

static struct record *records;

struct record *plugin_make(int number)
{
    struct record *record = malloc(sizeof *record); // alloc: plugin_make
    record->next = NULL;
    snprintf(record->text, sizeof record->text, "record %d", number);
    return record;
}

long plugin_work(int count, bool leak)
{
    long sum = 0;
    for (int i = 0; i < count; i++) {
        long *scratch = calloc(10, sizeof *scratch); // alloc: plugin_work
        scratch[i % 10] = i;
        used(scratch);
        sum += scratch[i % 10];
        if (!leak)
            free(scratch);
    }
    return sum;
}

void plugin_hold(int count)
{
    used(&records);
    for (int i = 0; i < count; i++) {
        struct record *record = plugin_make(i);
        record->next = records;
        records = record;
    }
}

void plugin_release(void)
{
    for (struct record *next; records; records = next) {
        next = records->next;
        free(records);
    }
}

#else

struct plugin {
    void *handle;
    struct record *(*make)(int number);
    long (*work)(int count, bool leak);
    void (*hold)(int count);
    void (*release)(void);
};

static struct record *kept;

static void *symbol(void *handle, const char *name)
{
    void *address = dlsym(handle, name);
    if (!address)
        abort();
    return address;
}

static struct plugin open_plugin(void)
{
    void *handle = dlopen(PLUGIN_PATH, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        puts(dlerror());
        abort();
    }
    return (struct plugin){handle, symbol(handle, "plugin_make"), symbol(handle, "plugin_work"),
                           symbol(handle, "plugin_hold"), symbol(handle, "plugin_release")};
}

// case: closed_after_leaking  direct 7 560 plugin_work
// lsan: leak  a module that was closed has no name there
// valgrind: leak  a module that was closed has no name there
static OPAQUE void closed_after_leaking(bool leak)
{
    struct plugin plugin = open_plugin();
    printf("sum %ld\n", plugin.work(7, leak));
    dlclose(plugin.handle);
}

// case: still_open  direct 4 320 plugin_work
static OPAQUE void still_open(bool leak)
{
    struct plugin plugin = open_plugin();
    printf("sum %ld\n", plugin.work(4, leak));
}

// The plugin's variables are unmapped with it. Clean: it stays, they hold.
// case: variables_unmapped  direct 1 64 plugin_make  indirect 4 256 plugin_make
// lsan: leak  a module that was closed has no name there
// valgrind: leak  a module that was closed has no name there
static OPAQUE void variables_unmapped(bool leak)
{
    struct plugin plugin = open_plugin();
    plugin.hold(5);
    if (leak)
        dlclose(plugin.handle);
}

// Opened again and again, each time it forgets what it held.
// case: opened_three_times  direct 3 192 plugin_make  indirect 3 192 plugin_make
// lsan: leak  a module that was closed has no name there
// valgrind: leak  a module that was closed has no name there
static OPAQUE void opened_three_times(bool leak)
{
    for (int i = 0; i < 3; i++) {
        struct plugin plugin = open_plugin();
        plugin.hold(2);
        if (!leak)
            plugin.release();
        dlclose(plugin.handle);
    }
}

// The plugin gives, the host forgets.
// case: lost_by_the_host  direct 1 64 plugin_make
static OPAQUE void lost_by_the_host(bool leak)
{
    struct plugin plugin = open_plugin();
    kept = plugin.make(42);
    used(&kept);
    puts(kept->text);
    if (leak)
        kept = NULL;
}

static const struct leak_case cases[] = {
    {"closed_after_leaking", closed_after_leaking},
    {"still_open", still_open},
    {"variables_unmapped", variables_unmapped},
    {"opened_three_times", opened_three_times},
    {"lost_by_the_host", lost_by_the_host},
    {NULL, NULL},
};

int main(int argc, char **argv) { return run_case(cases, argc, argv); }

#endif
