// A small server for the tests of the control socket. It does what it is told on its standard input, a line at a time, and answers
// with a line; `serve` leaks a block for every request of its own until the next line comes.
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static char *volatile last;
static char *volatile kept[200000];
static size_t kept_count;
static char **arguments;

__attribute__((noinline)) static char *parse_header(size_t bytes)
{
    char *header = malloc(bytes);
    return header ? memset(header, 1, bytes) : NULL;
}

__attribute__((noinline)) static char *remember(size_t bytes)
{
    char *entry = calloc(1, bytes);
    kept[kept_count++ % (sizeof kept / sizeof kept[0])] = entry;
    return entry;
}

__attribute__((noinline)) static void request(void)
{
    last = parse_header(300);  // the leak: nobody frees it
    char *body = malloc(1000);
    last = memset(body, 0, 1000);
    free(body);
    last = NULL;
}

struct session {
    long number;
    char *volatile header;
};
static struct session *volatile session;

// Each header takes the place of the one before, which is lost.
__attribute__((noinline)) static void replace_header(void)
{
    if (!session) session = calloc(1, sizeof *session);
    session->header = parse_header(200);
}

struct link {
    struct link *next;
};
static struct link *volatile chain;

// The way to the first one, which is returned, is as long as there are links.
__attribute__((noinline)) static struct link *make_chain(long length)
{
    struct link *first = chain = calloc(1, sizeof *first);
    for (long i = 1; i < length; i++) {
        struct link *one = calloc(1, sizeof *one);
        one->next = chain;
        chain = one;
    }
    return first;
}

static int line_is_here(void)
{
    struct pollfd in = {0, POLLIN, 0};
    return poll(&in, 1, 0) > 0;
}

static void serve(void)
{
    for (unsigned i = 0; !line_is_here(); i++) {
        request();
        if (i % 20 == 0) remember(64);
        if (i % 10 == 0) usleep(1000);
    }
}

static void *sleep_for_ever(void *unused)
{
    prctl(PR_SET_NAME, "sleeper", 0, 0, 0);
    for (;;) pause();
    return unused;
}

static void start_sleeper(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, sleep_for_ever, NULL);
}

static void *end_at_once(void *unused)
{
    prctl(PR_SET_NAME, "forgotten", 0, 0, 0);
    return unused;
}

static void forget_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, end_at_once, NULL);
}

static pthread_t joinable;

// The child loses memory for itself, until it is killed.
static int fork_child(void)
{
    pid_t child = fork();
    if (child == 0)
        for (;;) {
            request();
            usleep(200);
        }
    return child;
}

static int descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++) count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void restrict_calls(void)
{
    struct sock_filter allow_all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {1, allow_all};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) printf("error %d ", errno);
}

static int is(const char *line, const char *word) { return strncmp(line, word, strlen(word)) == 0; }

static void obey(const char *line)
{
    int local = 0;
    long number = strtol(line + strcspn(line, " \n"), NULL, 10);
    if (is(line, "lose")) while (number-- > 0) request();
    else if (is(line, "keep")) while (number-- > 0) remember(64);
    else if (is(line, "serve")) serve();
    else if (is(line, "closefrom")) closefrom(3);
    else if (is(line, "fork")) printf("%d ", fork_child());
    else if (is(line, "thread")) start_sleeper();
    else if (is(line, "replace")) while (number-- > 0) replace_header();
    else if (is(line, "later")) pthread_create(&joinable, NULL, end_at_once, NULL);
    else if (is(line, "join")) pthread_join(joinable, NULL);
    else if (is(line, "unjoined")) while (number-- > 0) forget_thread();
    else if (is(line, "descriptors")) printf("%d ", descriptors());
    else if (is(line, "single")) printf("%d ", unshare(CLONE_NEWUSER) == 0 ? 0 : errno);
    else if (is(line, "seccomp")) restrict_calls();
    else if (is(line, "passive")) syscall(SYS_io_uring_setup, 0, NULL); // no cycle runs from now on
    else if (is(line, "sites")) for (long i = 0; i < number; i++) remember(64);
    else if (is(line, "chain")) printf("%p ", (void *)make_chain(number));
    else if (is(line, "addresses")) {
        char *entry = remember(64), *block = malloc(64);
        unsigned long freed = (unsigned long)block;
        free(block);
        printf("%p %#lx %p %p ", (void *)entry, freed, (void *)&local, (void *)&last);
    } else if (is(line, "plain")) {
        unsetenv("LD_PRELOAD");
        execlp("sleep", "sleep", "1000", (char *)NULL);
    } else if (is(line, "exec")) execv(arguments[0], arguments);
    else if (is(line, "exit")) exit(0);
    else if (is(line, "_exit")) _exit(0);
    puts("ok");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    char line[100];
    (void)argc;
    arguments = argv;
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) obey(line);
}
