// Threads: results and arguments nobody takes, what only an ended thread's stack or variables held, detached ones; and
// a thread that still runs when main returns, whose stack and variables count.

#include "leaks.h"
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <unistd.h>

struct message {
    struct message *next;
    char text[40];
};

static sem_t ready, forever;
static char *taken;
static __thread char *own;

static OPAQUE struct message *compose(int number)
{
    struct message *message = malloc(sizeof *message); // alloc: compose
    message->next = NULL;
    snprintf(message->text, sizeof message->text, "message %d", number);
    return message;
}

static void run_to_its_end(void *(*function)(void *), void *argument, void **result)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, function, argument) || pthread_join(thread, result))
        abort();
}

static void *compose_one(void *argument) { return compose(argument ? 2 : 1)->text; }

// case: result_not_taken  direct 1 48 compose
// valgrind: leak  it looks into the stacks of ended threads, which libc keeps
static OPAQUE void result_not_taken(bool leak)
{
    void *result = NULL;
    run_to_its_end(compose_one, NULL, leak ? NULL : &result);
    taken = result;
    used(&taken);
}

static void *read_message(void *argument)
{
    puts(((struct message *)argument)->text);
    return NULL;
}

// case: argument_not_freed  direct 1 48 compose
// valgrind: leak  it looks into the stacks of ended threads, which libc keeps
static OPAQUE void argument_not_freed(bool leak)
{
    struct message *message = compose(1);
    run_to_its_end(read_message, message, NULL);
    if (!leak)
        free(message);
}

static OPAQUE void *five_messages(void *leak)
{
    struct message *head = NULL;
    for (int i = 0; i < 5; i++) {
        struct message *message = compose(i);
        message->next = head;
        head = message;
    }
    puts(head->text);
    for (struct message *next; !leak && head; head = next) {
        next = head->next;
        free(head);
    }
    return NULL;
}

// Its stack lies in libc's cache when the thread has ended.
// case: only_on_its_stack  direct 1 48 compose  indirect 4 192 compose
static OPAQUE void only_on_its_stack(bool leak) { run_to_its_end(five_messages, leak ? "" : NULL, NULL); }

static _Atomic pid_t detached_tid;

static void *detached_work(void *leak)
{
    five_messages(leak);
    detached_tid = gettid();
    sem_post(&ready);
    return NULL;
}

static void wait_until_gone(pid_t tid)
{
    while (tgkill(getpid(), tid, 0) == 0)
        usleep(1000);
}

// case: detached  direct 3 144 compose  indirect 12 576 compose
static OPAQUE void detached(bool leak)
{
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    sem_init(&ready, 0, 0);
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        pthread_create(&thread, &detached, detached_work, leak ? "" : NULL);
        sem_wait(&ready);
        wait_until_gone(detached_tid);
    }
}

static pthread_key_t key;

static void *keep_specific(void *argument)
{
    (void)argument;
    pthread_setspecific(key, compose(1));
    return NULL;
}

// Thread-specific data of a key without a destructor.
// case: specific_without_destructor  direct 4 192 compose
static OPAQUE void specific_without_destructor(bool leak)
{
    pthread_key_create(&key, leak ? NULL : free);
    for (int i = 0; i < 4; i++)
        run_to_its_end(keep_specific, NULL, NULL);
}

static void *keep_in_tls(void *argument)
{
    own = compose(1)->text;
    used(&own);
    if (!argument)
        taken = own;
    return NULL;
}

// A thread-local variable ends with its thread.
// case: thread_local  direct 1 48 compose
// valgrind: leak  it looks into the stacks of ended threads, which libc keeps
static OPAQUE void thread_local_variable(bool leak)
{
    run_to_its_end(keep_in_tls, leak ? "" : NULL, NULL);
    used(&taken);
}

// Clean: main's own thread-local variable.
// case: thread_local_of_main  direct 1 48 compose
static OPAQUE void thread_local_of_main(bool leak)
{
    own = compose(1)->text;
    used(&own);
    if (leak)
        own = NULL;
}

static OPAQUE void wait_forever(char *held)
{
    sem_post(&ready);
    while (sem_wait(&forever))
        ;
    used(held);
}

static OPAQUE char *quote(void)
{
    char line[2000];
    struct message *message = compose(1);
    snprintf(line, sizeof line, "<%s>", message->text);
    puts(line);
    return message->text;
}

static OPAQUE char *quote_and_forget(void)
{
    char *text = quote();
    used(text);
    return NULL;
}

static void *hold_on_stack(void *leak)
{
    char *held = leak ? quote_and_forget() : quote();
    wait_forever(held);
    return NULL;
}

static void *hold_in_tls(void *leak)
{
    own = leak ? quote_and_forget() : quote();
    used(&own);
    wait_forever(NULL);
    return NULL;
}

static void leave_running(void *(*function)(void *), bool leak)
{
    pthread_t thread;
    sem_init(&ready, 0, 0);
    sem_init(&forever, 0, 0);
    if (pthread_create(&thread, NULL, function, leak ? "" : NULL))
        abort();
    sem_wait(&ready);
}

// Clean: a local variable of a thread that still runs when the process ends.
// case: running_threads_stack  direct 1 48 compose
static OPAQUE void running_threads_stack(bool leak) { leave_running(hold_on_stack, leak); }

// Clean: a thread-local variable of a thread that still runs.
// case: running_threads_tls  direct 1 48 compose
static OPAQUE void running_threads_tls(bool leak) { leave_running(hold_in_tls, leak); }

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct message *queue;

static void *produce(void *argument)
{
    (void)argument;
    for (int i = 0; i < 10; i++) {
        struct message *message = compose(i);
        pthread_mutex_lock(&lock);
        message->next = queue;
        queue = message;
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

// What one thread made, another loses: the consumer stops after three, the queue is emptied by its head.
// case: queue_between_threads  direct 1 48 compose  indirect 6 288 compose
static OPAQUE void queue_between_threads(bool leak)
{
    run_to_its_end(produce, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        struct message *message = queue;
        queue = message->next;
        puts(message->text);
        free(message);
    }
    used(&queue);
    if (leak)
        queue = NULL;
}

static const struct leak_case cases[] = {
    {"result_not_taken", result_not_taken},
    {"argument_not_freed", argument_not_freed},
    {"only_on_its_stack", only_on_its_stack},
    {"detached", detached},
    {"specific_without_destructor", specific_without_destructor},
    {"thread_local", thread_local_variable},
    {"thread_local_of_main", thread_local_of_main},
    {"running_threads_stack", running_threads_stack},
    {"running_threads_tls", running_threads_tls},
    {"queue_between_threads", queue_between_threads},
    {NULL, NULL},
};

int main(int argc, char **argv) { return run_case(cases, argc, argv); }
