// Where the last pointer can be: mapped pages, a static of a function, a coroutine's stack, a file's cookie, main's
// thread-specific data. Clean: it is there. Leak: the place goes, or is written over.

#include "leaks.h"
#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>

static OPAQUE char *make(size_t bytes)
{
    char *p = malloc(bytes); // alloc: make
    snprintf(p, bytes, "made");
    return p;
}

static OPAQUE char **map(size_t bytes, int flags)
{
    void *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);
    if (page == MAP_FAILED)
        abort();
    return page;
}

// The pages are unmapped with all pointers in them.
// case: pages_unmapped  direct 3 120 make
// lsan: clean  it does not look into mappings
static OPAQUE void pages_unmapped(bool leak)
{
    char **page = map(65536, MAP_PRIVATE);
    for (int i = 0; i < 3; i++)
        page[1000 * i] = make(40);
    puts(page[1000]);
    if (leak)
        munmap(page, 65536);
}

// case: pages_discarded  direct 1 50 make
// lsan: clean  it does not look into mappings
static OPAQUE void pages_discarded(bool leak)
{
    char **page = map(4096, MAP_PRIVATE);
    page[7] = make(50);
    puts(page[7]);
    if (leak)
        madvise(page, 4096, MADV_DONTNEED);
}

// case: shared_page  direct 1 60 make
// lsan: clean  it does not look into mappings
static OPAQUE void shared_page(bool leak)
{
    char **page = map(4096, MAP_SHARED);
    page[100] = make(60);
    if (leak)
        page[100] = NULL;
    used(page);
}

// Clean: pages that may only be read now still count.
// case: read_only_page  direct 1 70 make
// valgrind: clean  it looks at writable pages only
// lsan: clean  it does not look into mappings
static OPAQUE void read_only_page(bool leak)
{
    char **page = map(4096, MAP_PRIVATE);
    page[0] = make(70);
    if (leak)
        page[0] = NULL;
    mprotect(page, 4096, PROT_READ);
}

static OPAQUE long next_number(bool restart)
{
    static long *state;
    used(&state);
    if (!state || restart) {
        state = malloc(4 * sizeof *state); // alloc: next_number
        memset(state, 0, 4 * sizeof *state);
    }
    return state[0] += 7;
}

// case: static_of_a_function  direct 1 32 next_number
static OPAQUE void static_of_a_function(bool leak)
{
    next_number(false);
    printf("%ld\n", next_number(leak));
}

static ucontext_t outside, inside;

static OPAQUE void coroutine(void)
{
    char *volatile held = make(80); // on the stack, not in a register that swapcontext saves elsewhere
    puts(held);
    swapcontext(&inside, &outside);
    used(held);
}

static OPAQUE void begin(void)
{
    getcontext(&inside);
    inside.uc_stack.ss_sp = calloc(1, 65536); // alloc: begin
    inside.uc_stack.ss_size = 65536;
    inside.uc_link = &outside;
    makecontext(&inside, coroutine, 0);
    swapcontext(&outside, &inside);
}

// A coroutine that is never taken up again: its stack is a lost block, and leads to what its variables hold.
// case: coroutine_abandoned  direct 1 65536 begin  indirect 1 80 make
static OPAQUE void coroutine_abandoned(bool leak)
{
    begin();
    puts("outside");
    if (leak) {
        memset(&inside, 0, sizeof inside);
        memset(&outside, 0, sizeof outside);
    }
}

static OPAQUE ssize_t count_bytes(void *cookie, const char *text, size_t size)
{
    (void)text;
    *(long *)cookie += (long)size;
    return (ssize_t)size;
}

// A file of the program's own kind. Clean: libc's open file holds the cookie.
// case: cookie_of_a_file  direct 1 24 open_counter
static OPAQUE void open_counter(bool leak)
{
    long *counter = calloc(3, 8); // alloc: open_counter
    FILE *file = fopencookie(counter, "w", (cookie_io_functions_t){.write = count_bytes});
    fprintf(file, "%d", 123);
    fflush(file);
    printf("%ld\n", *counter);
    if (leak)
        fclose(file);
}

// case: specific_of_main  direct 1 90 make
static OPAQUE void specific_of_main(bool leak)
{
    pthread_key_t key;
    pthread_key_create(&key, NULL);
    pthread_setspecific(key, make(90));
    puts(pthread_getspecific(key));
    if (leak)
        pthread_setspecific(key, NULL);
}

static struct {
    char padding[3 << 20];
    char *pointer;
} wide;

// Clean: at the end of several megabytes of zeroes.
// case: end_of_a_large_global  direct 1 100 make
static OPAQUE void end_of_a_large_global(bool leak)
{
    wide.pointer = make(100);
    used(&wide);
    if (leak)
        wide.pointer = NULL;
}

static const struct leak_case cases[] = {
    {"pages_unmapped", pages_unmapped},
    {"pages_discarded", pages_discarded},
    {"shared_page", shared_page},
    {"read_only_page", read_only_page},
    {"static_of_a_function", static_of_a_function},
    {"coroutine_abandoned", coroutine_abandoned},
    {"cookie_of_a_file", open_counter},
    {"specific_of_main", specific_of_main},
    {"end_of_a_large_global", end_of_a_large_global},
    {NULL, NULL},
};

int main(int argc, char **argv) { return run_case(cases, argc, argv); }
