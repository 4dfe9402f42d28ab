// world/barrier_mprotect.c and world/kwrite.c: what is reported against a model, stores and kernel writes that race with
// arming, running out of mappings, fork. Stacks and faults: test_barrier_stacks.c.
#include "armed.h"

#include "base/log.h"
#include "sys/cpu.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>

enum { THREADS = 3, ROUNDS = 200 };

static void expect(const bool *model)
{
    for (int i = 0; i < CHUNKS; i++)
        ck_assert_msg(reported[i] == model[i], "chunk %d is %sreported", i, reported[i] ? "" : "not ");
}

START_TEST(test_single_steps)
{
    bool model[CHUNKS] = {false};
    ck_assert(B->arm(area_lo(), area_hi()));
    ck_assert(fetch(false));
    expect(model);
    area[5 * CHUNK + 17] = area[6 * CHUNK - 1] = area[9 * CHUNK] = 1;
    model[5] = model[9] = true;
    ck_assert(fetch(false)); // does not arm
    expect(model);
    ck_assert(fetch(true));
    expect(model);
    ck_assert(fetch(true));
    model[5] = model[9] = false;
    expect(model);
    area[5 * CHUNK] = 1;
    model[5] = true;
    ck_assert(fetch(true));
    expect(model);
    B->disarm(area_lo(), area_hi());
    memset(area, 1, CHUNKS * CHUNK);
    ck_assert_int_eq(read_zeros(area, CHUNKS * CHUNK), CHUNKS * CHUNK);
}
END_TEST

// The chunks at the ends of a range that is not whole chunks are never armed, and reported as far as they were asked for.
START_TEST(test_odd_ends)
{
    uintptr_t lo = area_lo() + CHUNK + PAGE_BYTES, hi = area_lo() + 4 * CHUNK - PAGE_BYTES;
    ck_assert(B->arm(lo, hi));
    memset(reported, 0, sizeof reported);
    ck_assert(B->fetch(lo, hi, true, note));
    for (int i = 0; i < CHUNKS; i++)
        ck_assert(reported[i] == (i == 1 || i == 3));
    ck_assert_int_eq(read_zeros(area, 2 * CHUNK), 2 * CHUNK);
    ck_assert_int_eq(read_zeros(area + 2 * CHUNK, 1), -1);
}
END_TEST

// --- stores of several threads against a model ---------------------------------------------------------------------

static pthread_barrier_t turn; // the threads write, the collector fetches
static bool written[THREADS][CHUNKS];

static void *store_in_turns(void *number)
{
    unsigned me = (unsigned)(uintptr_t)number, seed = me + 1;
    join_program();
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&turn);
        for (int i = rand_r(&seed) % 8; i-- > 0;) {
            size_t chunk = (size_t)rand_r(&seed) % CHUNKS, at = chunk * CHUNK + (size_t)rand_r(&seed) % CHUNK;
            if (rand_r(&seed) % 2) {
                uint32_t ticket = kwrite_enter_one(area + at, 1);
                ck_assert_int_eq(read_zeros(area + at, 1), 1);
                kwrite_leave(ticket);
            } else {
                area[at] = (char)me;
            }
            written[me][chunk] = true;
        }
        pthread_barrier_wait(&turn);
    }
    leave_program();
    return NULL;
}

START_TEST(test_model)
{
    pthread_t threads[THREADS];
    pthread_barrier_init(&turn, NULL, THREADS + 1);
    ck_assert(B->arm(area_lo(), area_hi()));
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, store_in_turns, (void *)i), 0);
    for (int round = 0; round < ROUNDS; round++) {
        bool model[CHUNKS] = {false};
        pthread_barrier_wait(&turn);
        pthread_barrier_wait(&turn);
        for (int c = 0; c < CHUNKS; c++)
            for (int t = 0; t < THREADS; t++)
                model[c] |= written[t][c];
        memset(written, 0, sizeof written);
        ck_assert(fetch(true));
        expect(model);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}
END_TEST

// --- races ---------------------------------------------------------------------------------------------------------

static _Atomic bool stop_racing;
static _Atomic unsigned long calls;

static void *read_for_ever(void *number)
{
    unsigned seed = (unsigned)(uintptr_t)number + 7;
    join_program();
    while (!stop_racing) {
        size_t bytes = (size_t)rand_r(&seed) % (3 * CHUNK),
               at = (size_t)rand_r(&seed) % (CHUNKS * CHUNK - bytes);
        uint32_t ticket = kwrite_enter_one(area + at, bytes);
        ssize_t got = read_zeros(area + at, bytes);
        kwrite_leave(ticket);
        ck_assert_msg(got == (ssize_t)bytes, "read: %ld instead of %zu, errno %d", (long)got, bytes, errno);
        calls++;
    }
    leave_program();
    return NULL;
}

static void *store_for_ever(void *number)
{
    unsigned seed = (unsigned)(uintptr_t)number + 7;
    join_program();
    while (!stop_racing) {
        area[(size_t)rand_r(&seed) % (CHUNKS * CHUNK)]++;
        calls++;
    }
    leave_program();
    return NULL;
}

// A thread that nobody registered reads too.
static void *read_unknown(void *unused)
{
    while (!stop_racing) {
        uint32_t ticket = kwrite_enter_one(area, 100);
        ck_assert_int_eq(read_zeros(area, 100), 100);
        kwrite_leave(ticket);
    }
    return unused;
}

START_TEST(test_races)
{
    void *(*const bodies[])(void *) = {read_for_ever, read_for_ever, store_for_ever, read_unknown};
    enum { N = sizeof bodies / sizeof bodies[0] };
    pthread_t threads[N];
    for (uintptr_t i = 0; i < N; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, bodies[i], (void *)i), 0);
    for (int round = 0; round < RACES; round++) {
        unsigned long before = calls;
        ck_assert(B->arm(area_lo(), area_hi()));
        for (int i = 0; i < 5; i++)
            ck_assert(fetch(true));
        while (calls == before)
            rest();
        B->disarm(area_lo(), area_hi());
    }
    stop_racing = true;
    for (int i = 0; i < N; i++)
        pthread_join(threads[i], NULL);
}
END_TEST

// A thread stores to one and the same place, and again and again the chunk is disarmed between the fault and its handler: it is
// told each time from memory that the program protects.
static void *store_to_one_place(void *unused)
{
    join_program();
    while (!stop_racing) {
        area[5]++;
        calls++;
    }
    leave_program();
    return unused;
}

START_TEST(test_one_place)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, store_to_one_place, NULL), 0);
    for (int round = 0; round < 20000; round++) {
        unsigned long before = calls;
        while (calls == before)
            cpu_relax();
        ck_assert(B->arm(area_lo(), area_lo() + CHUNK));
        B->disarm(area_lo(), area_lo() + CHUNK);
    }
    stop_racing = true;
    pthread_join(thread, NULL);
}
END_TEST

// --- the kernel's writes -------------------------------------------------------------------------------------------

// Without publishing the call fails, so the tests above test something; a withdrawn range is armed again.
// A store is reported by the fetch under way or by the next one, never by none. One store into each chunk a round, while fetches
// follow each other: a later store must not hide that an earlier one was lost.
static _Atomic uint32_t round_wanted, round_done;
static uint32_t seen_word[CHUNKS];

static _Atomic uint32_t *word_of(size_t chunk)
{
    return (_Atomic uint32_t *)(area + chunk * CHUNK + 64 * chunk);
}

static void look(uintptr_t lo, uintptr_t hi)
{
    for (; lo < hi; lo = align_down(lo + CHUNK, CHUNK)) {
        size_t chunk = (lo - area_lo()) / CHUNK;
        seen_word[chunk] = atomic_load(word_of(chunk));
    }
}

static void *store_once_a_round(void *unused)
{
    join_program();
    for (uint32_t round = 1; round <= 3 * RACES; round++) {
        while (round_wanted < round)
            rest();
        for (size_t i = 0; i < CHUNKS; i++)
            atomic_store(word_of(i * 7 % CHUNKS), round);
        round_done = round;
    }
    leave_program();
    return unused;
}

START_TEST(test_no_store_is_lost)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, store_once_a_round, NULL), 0);
    for (uint32_t round = 1; round <= 3 * RACES; round++) {
        ck_assert(B->arm(area_lo(), area_hi()));
        round_wanted = round;
        while (round_done < round)
            ck_assert(B->fetch(area_lo(), area_hi(), true, look));
        ck_assert(B->fetch(area_lo(), area_hi(), false, look));
        for (size_t chunk = 0; chunk < CHUNKS; chunk++)
            ck_assert_msg(seen_word[chunk] == round, "no fetch reported the store into chunk %zu", chunk);
        B->disarm(area_lo(), area_hi());
    }
    pthread_join(thread, NULL);
}
END_TEST

START_TEST(test_published)
{
    crit_enter();
    thread_forget_own();
    thread_register(0, 0);
    crit_leave();
    thread_self->tid = 0; // the collector does not stop itself
    ck_assert(B->arm(area_lo(), area_hi()));
    ck_assert(read_zeros(area, 10) == -1 && errno == EFAULT);
    struct range two[] = {{area_lo(), area_lo() + 10},
                          {area_lo() + 3 * CHUNK - 1, area_lo() + 3 * CHUNK + 1}};
    uint32_t outer = kwrite_enter(two, 2);
    uint32_t inner = kwrite_enter_one(area + 7 * CHUNK, 1);
    ck_assert(fetch(true) && reported[0] && reported[2] && reported[3] && reported[7] && !reported[1]);
    ck_assert_int_eq(read_zeros(area, 10), 10); // still open
    ck_assert_int_eq(read_zeros(area + 3 * CHUNK - 1, 2), 2);
    kwrite_leave(inner);
    ck_assert(fetch(true) && reported[0] && reported[7]);
    ck_assert_int_eq(read_zeros(area + 7 * CHUNK, 1), -1);
    for (int i = 0; i < 3 * KWRITE_ROOM; i++) // never withdrawn
        kwrite_enter_one(area + 9 * CHUNK, 1);
    kwrite_leave(outer);
    ck_assert(fetch(true) && fetch(true));
    for (int i = 0; i < CHUNKS; i++)
        ck_assert(!reported[i]);
    ck_assert_int_eq(read_zeros(area, 10), -1);
}
END_TEST

// Blocks that are never armed: of a span, and a large one; also one that becomes so when its chunk is armed already.
START_TEST(test_noarm_blocks)
{
    static const size_t sizes[] = {700, 200 * KIB};
    char *before = heap_alloc_slow(sizes[_i], false, true);
    ck_assert(B->arm(cage.base, align_down(cage_top(), CHUNK)));
    ck_assert_int_eq(read_zeros(before, sizes[_i]), sizes[_i]);
    for (int i = 0; i < 100; i++) {
        char *block = heap_alloc_slow(sizes[_i], false, true);
        kwrite_keep_open(block, sizes[_i]);
        ck_assert_int_eq(read_zeros(block, sizes[_i]), sizes[_i]);
    }
}
END_TEST

// --- limits and fork -----------------------------------------------------------------------------------------------

// Takes every mapping there is: neighbouring pages of different protection.
static void exhaust_mappings(void)
{
    enum { PAGES = 1 << 18 };
    char *pages = sys_mmap(NULL, PAGES * PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                           -1, 0);
    ck_assert(!sys_failed((long)pages));
    for (size_t i = 1; i < PAGES; i += 2)
        if (sys_mprotect(pages + i * PAGE_BYTES, PAGE_BYTES, PROT_READ) != 0)
            return;
    ck_abort_msg("no limit on mappings");
}

static void say_nothing(const char *line, size_t bytes) { (void)line, (void)bytes; }

START_TEST(test_no_mappings_for_fault)
{
    log_writer = say_nothing;
    ck_assert(B->arm(area_lo(), area_hi()));
    exhaust_mappings();
    for (size_t i = 1; i < CHUNKS; i += 2)
        area[i * CHUNK] = 1;
    ck_assert(!fetch(true));
    ck_assert_int_eq(read_zeros(area, CHUNKS * CHUNK), CHUNKS * CHUNK);
}
END_TEST

START_TEST(test_no_mappings_for_arming)
{
    log_writer = say_nothing;
    for (size_t i = 1; i < CHUNKS; i += 2)
        kwrite_exclude(area_lo() + i * CHUNK, area_lo() + i * CHUNK + 1);
    exhaust_mappings();
    ck_assert(!B->arm(area_lo(), area_hi()));
    ck_assert_int_eq(read_zeros(area, CHUNKS * CHUNK), CHUNKS * CHUNK);
}
END_TEST

START_TEST(test_fork)
{
    int status;
    ck_assert(B->arm(area_lo(), area_hi()));
    pid_t child = fork();
    if (child == 0) {
        area[0] = 1; // before we could tell anybody
        B->fork_child();
        bool open = read_zeros(area, CHUNKS * CHUNK) == CHUNKS * CHUNK;
        bool again = B->arm(area_lo(), area_hi()) && read_zeros(area, 1) == -1;
        _exit(open && again ? 42 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 42);
    ck_assert(fetch(true));
    ck_assert(!reported[0]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("barrier_mprotect");
    TCase *tests = tcase_create("mprotect");
    tcase_set_timeout(tests, DEADLINE_S);
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, test_single_steps);
    tcase_add_test(tests, test_odd_ends);
    tcase_add_test(tests, test_model);
    tcase_add_test(tests, test_races);
    tcase_add_test(tests, test_one_place);
    tcase_add_test(tests, test_no_store_is_lost);
    tcase_add_test(tests, test_published);
    tcase_add_loop_test(tests, test_noarm_blocks, 0, 2);
    tcase_add_test(tests, test_no_mappings_for_fault);
    tcase_add_test(tests, test_no_mappings_for_arming);
    tcase_add_test(tests, test_fork);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
