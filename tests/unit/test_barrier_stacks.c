// world/barrier_mprotect.c and world/kwrite.c: stacks in armed memory, and faults that are not ours.
#include "armed.h"

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>

// --- stacks --------------------------------------------------------------------------------------------------------

static _Atomic bool arming;
static volatile sig_atomic_t handled;

static void on_signal(int signal)
{
    char frame[2000];
    memset(frame, signal, sizeof frame);
    __asm__ volatile("" : : "r"(frame) : "memory");
    handled++;
}

static __attribute__((noinline)) unsigned dig(unsigned depth)
{
    volatile char frame[500];
    frame[depth % sizeof frame] = (char)depth;
    return depth ? dig(depth - 1) + (unsigned char)frame[depth % sizeof frame] % 2 : 0;
}

static void use_stack(void *unused)
{
    (void)unused;
    raise(SIGUSR1);
    for (int i = 0; i < 50; i++) {
        dig((unsigned)i);
        uint32_t ticket = kwrite_enter_one(area, 0);
        raise(SIGUSR1); // its frame goes here, not on an alternate stack
        kwrite_leave(ticket);
    }
}

// Calls fn(arg) on another stack, whose highest address is top (16-byte aligned).
void call_on_stack(void *top, void (*fn)(void *arg), void *arg);
__asm__(".text\n"
        ".type call_on_stack,@function\n"
        "call_on_stack:\n"
        "push %rbp\n"
        "mov %rsp,%rbp\n"
        "mov %rdi,%rsp\n"
        "mov %rdx,%rdi\n"
        "call *%rsi\n"
        "mov %rbp,%rsp\n"
        "pop %rbp\n"
        "ret\n"
        ".size call_on_stack,.-call_on_stack\n");

static void *run_on_heap_stacks(void *unused)
{
    join_program();
    while (arming)
        for (size_t i = 4; i < CHUNKS; i += 4)
            call_on_stack(area + i * CHUNK, use_stack, NULL);
    leave_program();
    return unused;
}

START_TEST(test_heap_stacks)
{
    struct sigaction action = {.sa_handler = on_signal};
    pthread_t thread;
    sigaction(SIGUSR1, &action, NULL);
    for (size_t i = 4; i < CHUNKS; i += 4)
        kwrite_exclude((uintptr_t)area + i * CHUNK - KWRITE_FRAME_BYTES, (uintptr_t)area + i * CHUNK);
    arming = true;
    ck_assert_int_eq(pthread_create(&thread, NULL, run_on_heap_stacks, NULL), 0);
    for (int round = 0; round < RACES; round++) {
        ck_assert(B->arm(area_lo(), area_hi()));
        int before = handled;
        while (handled == before)
            rest();
        ck_assert(fetch(true));
        B->disarm(area_lo(), area_hi());
    }
    arming = false;
    pthread_join(thread, NULL);
}
END_TEST

static void dig_deep(void *unused)
{
    (void)unused;
    for (int i = 0; i < 10; i++)
        dig(200);
}

// The first push onto an armed stack: only the alternate stack makes that fault one that can be handled.
static void *first_push(void *unused)
{
    stack_t stack;
    join_program();
    sigaltstack(NULL, &stack);
    ck_assert(kwrite_owns_stack(&stack));
    call_on_stack(area + 2 * CHUNK - 64, dig_deep, NULL);
    leave_program();
    sigaltstack(NULL, &stack);
    ck_assert(stack.ss_flags & SS_DISABLE);
    return unused;
}

START_TEST(test_first_push)
{
    pthread_t thread;
    ck_assert(B->arm(area_lo(), area_hi()));
    ck_assert_int_eq(pthread_create(&thread, NULL, first_push, NULL), 0);
    pthread_join(thread, NULL);
    ck_assert(fetch(true) && reported[1] && !reported[0] && !reported[2]);
    ck_assert(fetch(true) && reported[1]); // a stack: for good
}
END_TEST

static void enter_and_leave(void *unused)
{
    (void)unused;
    kwrite_leave(kwrite_enter_one(area, 1));
}

static void *publish_from_heap_stack(void *unused)
{
    join_program();
    call_on_stack(area + 2 * CHUNK - 64, enter_and_leave, NULL);
    leave_program();
    return unused;
}

// Whoever makes a system call on a stack in the heap waits there for signals.
START_TEST(test_publishing_stack)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, publish_from_heap_stack, NULL), 0);
    pthread_join(thread, NULL);
    ck_assert(B->arm(area_lo(), area_hi()));
    ck_assert(fetch(true) && reported[1] && !reported[0] && !reported[2]);
}
END_TEST

static void *wait_for_stack(void *unused)
{
    crit_enter();
    thread_register(0, 0); // as before the back-end was chosen
    crit_leave();
    stack_t stack;
    arming = true;
    do
        sigaltstack(NULL, &stack);
    while (!kwrite_owns_stack(&stack));
    leave_program();
    return unused;
}

START_TEST(test_stack_by_handshake)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_stack, NULL), 0);
    while (!arming)
        rest();
    ck_assert(B->arm(cage.base, area_hi()));
    pthread_join(thread, NULL);
}
END_TEST

// --- faults that are not ours --------------------------------------------------------------------------------------

static sigjmp_buf back;
static uintptr_t fault_address, fault_frame;

static void foreign(int signal, siginfo_t *info, void *context)
{
    (void)context;
    fault_address = (uintptr_t)info->si_addr;
    fault_frame = (uintptr_t)__builtin_frame_address(0);
    siglongjmp(back, signal);
}

static void expect_foreign(volatile char *at)
{
    char here;
    fault_address = 0;
    if (sigsetjmp(back, 1) == 0)
        *at = 1;
    ck_assert_uint_eq(fault_address, (uintptr_t)at);
    ck_assert(fault_frame < (uintptr_t)&here && fault_frame > (uintptr_t)&here - 64 * KIB); // on this stack
}

static void *meet_foreign_faults(void *unused)
{
    join_program();
    expect_foreign(NULL);
    char *page = sys_mmap(NULL, PAGE_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect_foreign(page);
    kwrite_exclude(area_lo() + 3 * CHUNK, area_lo() + 3 * CHUNK + 1);
    sys_mprotect(area + 3 * CHUNK + PAGE_BYTES, PAGE_BYTES, PROT_READ);
    area[3 * CHUNK] = area[2 * CHUNK] = 1;
    expect_foreign(area + 3 * CHUNK + PAGE_BYTES);
    expect_foreign(area + 3 * CHUNK + PAGE_BYTES);
    leave_program();
    return unused;
}

START_TEST(test_foreign_faults)
{
    pthread_t thread;
    barrier_foreign_fault = foreign;
    ck_assert(B->arm(area_lo(), area_hi()));
    ck_assert_int_eq(pthread_create(&thread, NULL, meet_foreign_faults, NULL), 0);
    pthread_join(thread, NULL);
    ck_assert(fetch(true) && reported[2] && reported[3] && !reported[4]);
    ck_assert(fetch(true) && !reported[2] && reported[3]);
    B->disarm(area_lo(), area_hi());
    ck_assert_int_eq(read_zeros(area + 3 * CHUNK + PAGE_BYTES, 1), -1); // the protection is the program's
}
END_TEST

// With nobody to forward to, a crash is a crash.
START_TEST(test_crash)
{
    *(volatile char *)NULL = 1;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("barrier_stacks");
    TCase *tests = tcase_create("stacks and faults");
    tcase_set_timeout(tests, DEADLINE_S);
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, test_heap_stacks);
    tcase_add_test(tests, test_first_push);
    tcase_add_test(tests, test_publishing_stack);
    tcase_add_test(tests, test_stack_by_handshake);
    tcase_add_test(tests, test_foreign_faults);
    tcase_add_test_raise_signal(tests, test_crash, SIGSEGV);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
