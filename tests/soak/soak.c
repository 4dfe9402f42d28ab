// All storms at once, in one process: threads that come and go, forks, libraries loaded and unloaded, signals to everybody, mappings
// that come, go and move, waits that must keep their length, and blocks whose only pointers travel through all of that.
//
//     soak SECONDS SEED PLUGIN
//
// Every block carries a brand that depends on where it lies, so that one that was reclaimed and given away again is noticed, and
// in the end the sums of what was done are printed. The first failure ends it with file and line.
#include "../system/check.h"

#include <dlfcn.h>
#include <poll.h>
#include <sys/epoll.h>

enum { MAILBOXES = 512, NODES = 400, LARGEST = 3000, SLOTS = 64 };

static long deadline;
static unsigned long seed;
static const char *plugin;
static char *volatile mailboxes[MAILBOXES]; // blocks on their way from one thread to another
static unsigned long blocks, threads, forks, loads, signals, mappings, waits, collections, finalized;
static volatile sig_atomic_t handled;

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool over(void) { return now_ms() > deadline; }

static unsigned long next(unsigned long *state) // xorshift64
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

static unsigned long seed_of(const void *mine) { return (seed ^ (uintptr_t)mine) * 0x9e3779b97f4a7c15u | 1; }

/* A block: its size in the first word, branded behind it. */
static char *block_new(size_t size)
{
    size_t *p = malloc(size);
    CHECK(p != NULL);
    memset(p, brand((char *)p), size);
    *p = size;
    ADD(blocks, 1);
    return (char *)p;
}

static void block_check(const char *p)
{
    size_t size = *(const size_t *)p;
    CHECK(size >= 16 && size <= LARGEST, "a block of %zu bytes", size);
    for (size_t i = sizeof size; i < size; i++) CHECK(p[i] == brand(p), "byte %zu of %zu", i, size);
}

static char *random_block(unsigned long *state) { return block_new(16 + next(state) % (LARGEST - 16)); }

/* Puts a block into a mailbox and takes what lay there: checked, then freed or lost. */
static void exchange(unsigned long *state)
{
    char *p = __atomic_exchange_n(&mailboxes[next(state) % MAILBOXES], random_block(state), __ATOMIC_SEQ_CST);
    if (!p) return;
    block_check(p);
    if (next(state) % 2) free(p);
}

/* ---- The storms: each a thread that does one thing until the time is over. ---- */

/* A list of its own, rebuilt at random places; every node holds the only pointer to the next. */
struct link { struct link *next; char *block; };

static void *lists(void *unused)
{
    unsigned long state = seed_of(&state);
    struct link *first = NULL;
    for (size_t n = 0; !over(); n++) {
        struct link *link = malloc(sizeof *link), **at = &first;
        *link = (struct link){first, random_block(&state)};
        first = link;
        for (unsigned long steps = next(&state) % NODES; *at && steps > 0; steps--) at = &(*at)->next;
        if (*at) {
            struct link *old = *at;
            block_check(old->block);
            *at = n % 5 ? old->next : NULL; // or all the rest is lost
            if (next(&state) % 2) free(old->block), free(old);
        }
        exchange(&state);
    }
    for (struct link *link = first; link; link = link->next) block_check(link->block);
    return unused;
}

/* Blocks that are lost, whose finalizers give on what they alone led to; that changes hands before. */
static void give_on(void *p, void *unused)
{
    struct link *link = p;
    block_check(link->block);
    __atomic_store_n(&mailboxes[(uintptr_t)p / 16 % MAILBOXES], link->block, __ATOMIC_SEQ_CST);
    ADD(finalized, 1);
    (void)unused;
}

static void *finalizer_storm(void *unused)
{
    unsigned long state = seed_of(&state);
    struct link *volatile held[SLOTS] = {0};
    while (!over()) {
        struct link *link = malloc(sizeof *link), *other = held[next(&state) % SLOTS];
        *link = (struct link){NULL, random_block(&state)};
        if (gcpre_available()) CHECK(gcpre_set_finalizer(link, give_on, NULL) == 0);
        if (other) {
            char *block = other->block;
            other->block = link->block;
            link->block = block;
        }
        held[next(&state) % SLOTS] = link;
        exchange(&state);
    }
    return unused;
}

static void *short_life(void *p)
{
    unsigned long state = seed_of(&state);
    block_check(p);
    for (int i = 0; i < 20; i++) exchange(&state);
    return p;
}

static void *thread_storm(void *unused)
{
    unsigned long state = seed_of(&state);
    while (!over()) {
        pthread_t some[8];
        for (size_t i = 0; i < COUNT(some); i++) some[i] = start(short_life, random_block(&state));
        for (size_t i = 0; i < COUNT(some); i++) block_check(join(some[i]));
        ADD(threads, COUNT(some));
    }
    return unused;
}

static void *fork_storm(void *unused)
{
    unsigned long state = seed_of(&state);
    while (!over()) {
        char *mine = random_block(&state);
        pid_t pid = fork();
        if (pid == 0) {
            alarm(60);
            block_check(mine);
            for (int i = 0; i < 200; i++) exchange(&state);
            if (next(&state) % 4 == 0) execl("/bin/true", "true", NULL);
            collect();
            block_check(mine);
            _exit(0);
        }
        expect_child(pid, 0);
        block_check(mine);
        ADD(forks, 1);
        usleep(next(&state) % 3000);
    }
    return unused;
}

static void *load_storm(void *unused)
{
    unsigned long state = seed_of(&state);
    while (!over()) {
        void *handle = dlopen(plugin, RTLD_NOW | RTLD_LOCAL);
        CHECK(handle != NULL, "%s", dlerror());
        int (*check)(void) = (int (*)(void))dlsym(handle, "plugin_check");
        for (unsigned long i = next(&state) % 5; i > 0; i--) {
            CHECK(check(), "the plugin's blocks");
            exchange(&state);
        }
        CHECK(dlclose(handle) == 0);
        ADD(loads, 1);
    }
    return unused;
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    handled++;
    if (info->si_code == SI_QUEUE && info->si_value.sival_ptr) {
        block_check(info->si_value.sival_ptr);
        __atomic_store_n(&mailboxes[handled % MAILBOXES], info->si_value.sival_ptr, __ATOMIC_SEQ_CST);
    }
}

static const int some_signals[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD, SIGCONT, SIGURG, SIGXCPU, SIGIO, SIGWINCH, SIGPWR};

/* To the process, by number to any thread, and queued with the only pointer to a block. */
static void *signal_storm(void *unused)
{
    unsigned long state = seed_of(&state);
    while (!over()) {
        int signal = some_signals[next(&state) % COUNT(some_signals)];
        if (next(&state) % 3 == 0)
            kill(getpid(), signal);
        else if (next(&state) % 2)
            raise(signal);
        else
            sigqueue(getpid(), SIGRTMIN + (int)(next(&state) % 4), (union sigval){.sival_ptr = random_block(&state)});
        ADD(signals, 1);
        if (next(&state) % 8 == 0) usleep(200);
    }
    return unused;
}

/* Mappings that hold the only pointers to blocks; they move, shrink and go. */
static void *map_storm(void *unused)
{
    unsigned long state = seed_of(&state);
    size_t page = 4096;
    while (!over()) {
        size_t pages = 1 + next(&state) % SLOTS;
        char **map = mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(map != MAP_FAILED);
        for (size_t i = 0; i < pages; i++) map[i * page / sizeof *map] = random_block(&state);
        if (next(&state) % 2) collect();
        char **moved = mremap(map, pages * page, (pages + SLOTS) * page, MREMAP_MAYMOVE);
        CHECK(moved != MAP_FAILED);
        for (size_t i = 0; i < pages; i++) block_check(moved[i * page / sizeof *moved]);
        if (pages > 1) munmap((char *)moved + page, (pages - 1) * page);
        block_check(moved[0]);
        munmap(moved, page);
        munmap((char *)moved + pages * page, SLOTS * page);
        ADD(mappings, 1);
    }
    return unused;
}

/* Waits that other threads' collections must not shorten or end with EINTR; its signals go elsewhere. */
static void *wait_storm(void *unused)
{
    int epoll = epoll_create1(0), ends[2];
    struct epoll_event event = {.events = EPOLLIN};
    unsigned long state = seed_of(&state);
    CHECK(epoll >= 0 && pipe(ends) == 0);
    while (!over()) {
        int ms = 1 + (int)(next(&state) % 20);
        event.data.ptr = random_block(&state); // until it comes back, the kernel's alone
        CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event) == 0);
        event.data.ptr = NULL;
        long begun = now_ms();
        CHECK(epoll_wait(epoll, &event, 1, ms) == 0);
        CHECK(poll(NULL, 0, ms) == 0);
        CHECK(now_ms() - begun >= 2 * ms - 1);
        CHECK(write(ends[1], "", 1) == 1 && epoll_wait(epoll, &event, 1, 10000) == 1 && read(ends[0], &(char){0}, 1) == 1);
        block_check(event.data.ptr);
        CHECK(epoll_ctl(epoll, EPOLL_CTL_DEL, ends[0], NULL) == 0);
        ADD(waits, 1);
    }
    return unused;
}

static void *collecting(void *unused)
{
    unsigned long state = seed_of(&state);
    while (!over()) {
        collect();
        ADD(collections, 1);
        usleep(next(&state) % 5000);
    }
    return unused;
}

static pthread_t start_quiet(void *(*storm)(void *))
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pthread_t thread = start(storm, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return thread;
}

static void handle_signals(void)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    for (size_t i = 0; i < COUNT(some_signals); i++) CHECK(sigaction(some_signals[i], &action, NULL) == 0);
    for (int i = 0; i < 4; i++) CHECK(sigaction(SIGRTMIN + i, &action, NULL) == 0);
}

int main(int argc, char **argv)
{
    static void *(*const storms[])(void *) = {lists, lists, finalizer_storm, thread_storm, fork_storm, load_storm, map_storm, signal_storm, collecting};
    pthread_t running[COUNT(storms)];
    CHECK(argc == 4, "SECONDS SEED PLUGIN");
    deadline = now_ms() + atol(argv[1]) * 1000;
    seed = strtoul(argv[2], NULL, 0);
    plugin = argv[3];
    handle_signals();
    pthread_t waiting = start_quiet(wait_storm);
    for (size_t i = 0; i < COUNT(storms); i++) running[i] = start(storms[i], NULL);
    for (size_t i = 0; i < COUNT(storms); i++) join(running[i]);
    join(waiting);
    for (size_t i = 0; i < MAILBOXES; i++)
        if (mailboxes[i]) block_check(mailboxes[i]);
    printf("%lu blocks %lu threads %lu forks %lu loads %lu signals %lu mappings %lu waits %lu collections %lu finalized\n", blocks, threads,
           forks, loads, signals, mappings, waits, collections, finalized);
}
