// Every system call of ours that can fail fails once, the nth for n = 1, 2, ... until runs pass untouched, below a program with
// threads, large and small blocks, collections and a forked child: it ends well and in time, with all its data, each time.
// What a single failure costs at most is a malloc that returns NULL.
// config: uffd
// config: mprotect
// config: none
// timeout: 300
#include "check.h"

enum { THREADS = 3, NODES = 400, PATIENCE_S = 30, ENOUGH_S = 40, STRIDE = 23, UNTOUCHED = 15 };

/* ---- the program ---- */

struct node {
    struct node *next;
    size_t size;
    unsigned char fill[];
};

static struct node *new_node(unsigned *seed, struct node *next)
{
    size_t size = rand_r(seed) % 50 == 0 ? 200000 : rand_r(seed) % 3000;
    struct node *node = NULL;
    switch (rand_r(seed) % 4) {
    case 0: node = (struct node *)calloc(1, sizeof *node + size); break;
    case 1: node = (struct node *)aligned_alloc(64, (sizeof *node + size + 63) & ~(size_t)63); break;
    case 2: node = (struct node *)realloc(malloc(20), sizeof *node + size); break;
    default: node = (struct node *)malloc(sizeof *node + size);
    }
    if (!node) return next;
    node->next = next;
    node->size = size;
    memset(node->fill, (int)(size & 255), size);
    return node;
}

static void check_list(const struct node *node)
{
    for (; node; node = node->next)
        for (size_t i = 0; i < node->size; i += 97) CHECK(node->fill[i] == (node->size & 255), "a block of %zu bytes is broken", node->size);
}

static void *use_memory(void *number)
{
    unsigned seed = (unsigned)(size_t)number;
    struct node *list = NULL;
    for (int i = 0; i < NODES; i++) {
        list = new_node(&seed, list);
        if (i % 3 == 0) new_node(&seed, NULL);  // lost
        if (i % 7 == 0) free(new_node(&seed, NULL));
        if (i % 100 == 0) collect();
    }
    check_list(list);
    while (list) {
        struct node *next = list->next;
        free(list);
        list = next;
    }
    return NULL;
}

static void fork_a_child(void)
{
    struct node *list = NULL;
    unsigned seed = 99;
    for (int i = 0; i < 50; i++) list = new_node(&seed, list);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        for (int i = 0; i < 50; i++) list = new_node(&seed, list);
        collect();
        check_list(list);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0, "the child ended with %d", status);
    check_list(list);
}

static int work(void)
{
    pthread_t threads[THREADS];
    bool started[THREADS];
    for (size_t i = 0; i < THREADS; i++) started[i] = pthread_create(&threads[i], NULL, use_memory, (void *)(i + 1)) == 0;
    collect();
    fork_a_child();
    for (size_t i = 0; i < THREADS; i++)
        if (started[i]) CHECK(pthread_join(threads[i], NULL) == 0);
    collect();
    return 0;
}

/* ---- one run after the other ---- */

static char library[600];

static pid_t start_run(char **argv, int n)
{
    pid_t child = fork();
    if (child) return child;
    char number[20];
    snprintf(number, sizeof number, "%d", n);
    setenv("FAULT_AT", number, 1);
    setenv("LD_PRELOAD", library, 1);
    int log = open("log", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(log, 2);
    execl("/proc/self/exe", argv[0], "work", NULL);
    _exit(120);
}

static int end_of(pid_t child)
{
    int status;
    for (int ms = 0; ms < PATIENCE_S * 1000; ms += 2) {
        pid_t ended = waitpid(child, &status, WNOHANG);
        CHECK(ended == 0 || ended == child);
        if (ended) return status;
        usleep(2000);
    }
    kill(child, SIGABRT);  // leaves a core file
    waitpid(child, &status, 0);
    return -1;
}

static char log_text[1 << 20];  // a whole report may come to standard error

// Lines of the library, of the faults themselves, and of the private jemalloc (a munmap of its that fails).
static bool is_ours(const char *line)
{
    return strncmp(line, "fault: ", 7) == 0 || strncmp(line, "gcpre[", 6) == 0 || strncmp(line, "<jemalloc>: ", 12) == 0;
}

static bool log_is_ours(void)
{
    int log = open("log", O_RDONLY);
    ssize_t bytes = read(log, log_text, sizeof log_text - 1);
    close(log);
    log_text[bytes > 0 ? bytes : 0] = 0;
#ifdef REPORTS
    char *report = strstr(log_text, "\n\n=====");  // one whose file cannot be opened comes to standard error
    if (report && strstr(log_text, "report cannot be opened")) report[1] = 0;
#endif
    for (char *line = log_text; *line; line = strchr(line, '\n') + 1)
        if (!is_ours(line) || !strchr(line, '\n')) return false;
    return true;
}

int main(int argc, char **argv)
{
    if (argc > 1 || !gcpre_available()) return work();
    const char *own = getenv("LD_PRELOAD"), *name = own ? strrchr(own, '/') : NULL;
    CHECK(name, "LD_PRELOAD names no file");
    snprintf(library, sizeof library, "%.*s/fault/libgcpre.so", (int)(name - own), own);
    CHECK(access(library, R_OK) == 0, "%s: make it by 'make fault'", library);
    time_t begin = time(NULL);
    int faults = 0, untouched = 0;  // in a row: threads make a run shorter or longer
    for (int n = 1; untouched < UNTOUCHED; n += time(NULL) - begin < ENOUGH_S ? 1 : STRIDE) {
        int status = end_of(start_run(argv, n));
        bool ours = log_is_ours();
        CHECK(status == 0 && ours, "the %dth call failed, then the program: status %d; FAULT_AT=%d LD_PRELOAD=%s %s work\n%.200s", n,
              status, n, library, argv[0], log_text);
        bool hit = strstr(log_text, "fault: ");
        faults += hit;
        untouched = hit ? 0 : untouched + 1;
    }
    CHECK(faults > 50, "only %d calls failed", faults);
}
