// Threads that all but live inside the loader's, stdio's, the environment's and the resolver's locks are stopped without a deadlock.
// plugin: dlopen
#include "check.h"
#include <dlfcn.h>
#include <link.h>
#include <locale.h>

#ifdef PLUGIN
char *plugin_data[100];
#else
static int stop;

static int on_object(struct dl_phdr_info *info, size_t size, void *count)
{
    (void)info, (void)size;
    ++*(int *)count;
    return 0;
}
static void in_loader(void)
{
    void *plugin = dlopen(PLUGIN_PATH, RTLD_NOW);
    int count = 0;
    CHECK(plugin && dlsym(plugin, "plugin_data") && dl_iterate_phdr(on_object, &count) == 0 && count > 2);
    CHECK(dlclose(plugin) == 0);
}
static void in_stdio(void)
{
    FILE *file = tmpfile();
    CHECK(file);
    for (int i = 0; i < 100; i++) fprintf(file, "%d %s %f\n", i, "text", i / 3.0);
    fclose(file);
}
static void in_environment(void)
{
    setenv("S36", "some value that is not too short", 1);
    unsetenv("S36");
    locale_t locale = newlocale(LC_ALL_MASK, "C", NULL);
    CHECK(locale != NULL);
    freelocale(locale);
    time_t now = time(NULL);
    struct tm parts;
    tzset();
    CHECK(localtime_r(&now, &parts) != NULL);
}
static void (*const bodies[])(void) = {in_loader, in_stdio, in_environment, in_loader};

static void *body(void *index)
{
    while (!GET(stop)) bodies[(size_t)index]();
    return NULL;
}

int main(void)
{
    pthread_t threads[COUNT(bodies)];
    herd_lose(&lost, 1000, RARE_SIZE);
    for (size_t i = 0; i < COUNT(bodies); i++) threads[i] = start(body, (void *)i);
    collector_start();
    wait_for_cycles(60);
    collector_stop();
    SET(stop, 1);
    for (size_t i = 0; i < COUNT(bodies); i++) join(threads[i]);
    drop_and_collect();
    herd_check_gone(&lost);
}
#endif
