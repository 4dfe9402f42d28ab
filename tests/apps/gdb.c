// What gdb.sh debugs: a list, a recursion, a thread, a signal, a crash at the end.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct item { int number; char *text; struct item *next; };

static volatile int signals;
static void on_signal(int number) { signals += number != 0; }

static struct item *prepend(struct item *next, int number)
{
    struct item *item = malloc(sizeof *item);
    char text[40];
    snprintf(text, sizeof text, "item number %d", number);
    *item = (struct item){ number, strdup(text), next };
    return item;
}

static int sum(const struct item *list)
{
    if (!list)
        return 0;
    int rest = sum(list->next);
    return list->number + rest;
}

static void *work(void *argument)
{
    struct item *list = argument;
    list->number = 1000;
    return list->text;
}

int main(void)
{
    struct item *list = NULL;
    for (int i = 1; i <= 20; i++)
        list = prepend(list, i);
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    pthread_t thread;
    void *text;
    pthread_create(&thread, NULL, work, list);
    pthread_join(thread, &text);
    printf("%s %d %d\n", (char *)text, sum(list), signals);
    fflush(stdout);
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    int *nowhere = NULL;
    *nowhere = sum(list);
    return 0;
}
