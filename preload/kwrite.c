// Calls that let the kernel store into heap memory, made safe for the mprotect back-end (S40, world/kwrite.h).
//
// Each function of kwrite.def is replaced by one that publishes what the call may store into, makes the call, and
// withdraws. All of them take integers and pointers only, at most six, so one shape fits all: arguments pass through
// registers untouched, and without the back-end each costs one branch. Nothing has to be undone when a thread is
// cancelled in one.
//
// Which memory: what the table knows exactly; and for every argument that points into the heap a window behind it, large
// enough for any structure that has a fixed size.
//
// Known gaps. Programs that make system calls by their own instructions. ioctls that store more than a window
// or follow pointers inside a structure of theirs.
#include "ctl/control.h"
#include "gc/collector.h"
#include "leak/hunt.h"
#include "heap/heap.h"
#include "fork.h"
#include "guards.h"
#include "pins.h"
#include "real.h"
#include "signal.h"
#include "sys/syscall.h"
#include "world/barrier.h"
#include "world/interrupt.h"
#include "world/kwrite.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define WINDOW_BYTES (64 * KIB)
#define NONE         (-1)

enum { ARGUMENTS = 6, ROOM = 16, SLACK_BYTES = 64, MAX_PARTS = 1024 }; // slack: msgrcv's type, for one

enum kind { POINTERS, BUFFER, VECTOR, MESSAGE, MESSAGES, EXCLUDE };

struct call {
    int16_t number;
    uint8_t kind; // enum kind
    int8_t index[3];
};

typedef long any_function(long a, long b, long c, long d, long e, long f);

// --- what a call may store into ------------------------------------------------------------------------------------

struct places {
    struct range range[ROOM];
    size_t count;
};

// Too many become one that holds the last ones.
static void add(struct places *p, uintptr_t start, size_t bytes)
{
    if (!cage_contains(start) && !cage_contains(start + bytes))
        return;
    uintptr_t end = start + bytes < start ? UINTPTR_MAX : start + bytes;
    if (p->count < ROOM) {
        p->range[p->count++] = (struct range){start, end};
    } else {
        struct range *last = &p->range[ROOM - 1];
        *last = (struct range){min_size(last->lo, start), max_size(last->hi, end)};
    }
}

static void add_vector(struct places *p, const struct iovec *parts, size_t count)
{
    for (size_t i = 0; parts && i < count && count <= MAX_PARTS; i++)
        add(p, (uintptr_t)parts[i].iov_base, parts[i].iov_len);
}

static void add_message(struct places *p, const struct msghdr *header)
{
    if (!header)
        return;
    add(p, (uintptr_t)header->msg_name, header->msg_namelen);
    add(p, (uintptr_t)header->msg_control, header->msg_controllen);
    add_vector(p, header->msg_iov, header->msg_iovlen);
}

static void add_messages(struct places *p, const struct mmsghdr *headers, size_t count)
{
    add(p, (uintptr_t)headers, count * sizeof headers[0]);
    for (size_t i = 0; headers && i < count && count <= MAX_PARTS; i++)
        add_message(p, &headers[i].msg_hdr);
}

static size_t length_of(const struct call *call, const long *argument)
{
    size_t length = call->index[1] == NONE ? WINDOW_BYTES : (size_t)argument[call->index[1]];
    return call->index[2] == NONE ? length : length * (size_t)argument[call->index[2]];
}

// The argument that a kind explains; the others are judged by their value alone.
static void add_known(struct places *p, const struct call *call, const long *argument)
{
    const void *pointer = (const void *)argument[call->index[0]];
    size_t count = call->index[1] == NONE ? 0 : (size_t)argument[call->index[1]];
    switch ((enum kind)call->kind) {
    case BUFFER: add(p, (uintptr_t)pointer, length_of(call, argument) + SLACK_BYTES); break;
    case VECTOR: add_vector(p, pointer, count); break;
    case MESSAGE:
        add_message(p, pointer);
        add(p, (uintptr_t)pointer, sizeof(struct msghdr));
        break;
    case MESSAGES: add_messages(p, pointer, (unsigned)count); break;
    default: break;
    }
}

static void exclude(const struct call *call, const long *argument)
{
    uintptr_t start = (uintptr_t)argument[call->index[0]];
    if (start)
        kwrite_exclude(start, start + length_of(call, argument));
}

static uint32_t enter(const struct call *call, const long *argument)
{
    struct places p;
    p.count = 0;
    if (call->kind == EXCLUDE) {
        exclude(call, argument);
        return KWRITE_NOTHING;
    }
    if (call->kind != POINTERS)
        add_known(&p, call, argument);
    for (int i = 0; i < ARGUMENTS; i++)
        if (cage_contains((uintptr_t)argument[i]) && (call->kind == POINTERS || i != call->index[0]))
            add(&p, (uintptr_t)argument[i], WINDOW_BYTES);
    return kwrite_enter(p.range, p.count);
}

static long to_errno(long result)
{
    if (!sys_failed(result))
        return result;
    errno = (int)-result;
    return -1;
}

// --- the functions -------------------------------------------------------------------------------------------------

static __attribute__((noinline)) long guarded(const struct call *call, any_function *real,
                                              const long *argument)
{
    uint32_t ticket = enter(call, argument);
    long result = real(argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
    kwrite_leave(ticket);
    return result;
}

// What read got from a signal descriptor may be shadows (preload/signal.c).
static inline long received(int number, long fd, long buffer, long result)
{
    if (number == SYS_read && unlikely(signal_descriptors))
        signal_received_by_fd((int)fd, (void *)buffer, result);
    return result;
}

// The calls whose length a socket may limit (preload/sockets.c has those that send).
static inline bool may_be_socket(int number)
{
    return number == SYS_read || number == SYS_readv || number == SYS_recvfrom || number == SYS_recvmsg ||
           number == SYS_sendmmsg || number == SYS_accept || number == SYS_accept4;
}

#define KWRITE(name, number, kind, pointer, length, unit)                                \
    any_function interposed_##name __asm__(#name);                                       \
    EXPORT long interposed_##name(long a, long b, long c, long d, long e, long f)        \
    {                                                                                    \
        static void *_Atomic cache;                                                      \
        any_function *real = (any_function *)real_symbol(&cache, #name);                 \
        if (may_be_socket(number))                                                       \
            interrupt_announce_socket();                                                 \
        if (likely(!atomic_load_explicit(&kwrite_active, memory_order_relaxed)))         \
            return received(number, a, b, real(a, b, c, d, e, f));                       \
        static const struct call call = {number, kind, {pointer, length, unit}};         \
        return received(number, a, b, guarded(&call, real, (long[]){a, b, c, d, e, f})); \
    }
#include "kwrite.def"
#undef KWRITE

// --- system calls by number ----------------------------------------------------------------------------------------

static const struct call by_number[] = {
#define KWRITE(name, number, kind, pointer, length, unit) {number, kind, {pointer, length, unit}},
#include "kwrite.def"
#undef KWRITE
    {SYS_set_tid_address, EXCLUDE, {0, NONE, NONE}}, // stored into when the thread ends
    {SYS_set_robust_list, EXCLUDE, {0, NONE, NONE}},
    {SYS_rseq, EXCLUDE, {0, NONE, NONE}},
};

static const struct call *call_of(long number)
{
    static const struct call unknown = {NONE, POINTERS, {NONE, NONE, NONE}};
    for (size_t i = 0; number >= 0 && i < sizeof by_number / sizeof by_number[0]; i++)
        if (by_number[i].number == number)
            return &by_number[i];
    return &unknown;
}

// A filter may end the process for any call of ours: no cycle from here on, and none under way (SOUNDNESS S53). What is
// left are mmap, munmap, madvise, futex and clock_gettime, which every allocator makes.
// Who asks for a filter and names none only wants to know whether there could be one: that call fails.
static bool installs_filter(long number, long first, long second, long third)
{
    if (number == SYS_prctl)
        return first == PR_SET_SECCOMP && (second != SECCOMP_MODE_FILTER || third);
    return number == SYS_seccomp &&
           (first == SECCOMP_SET_MODE_FILTER ? third != 0
                                             : first == SECCOMP_SET_MODE_STRICT && !second && !third);
}

static void note_filter(long number, long first, long second, long third)
{
    if (installs_filter(number, first, second, third)) {
        static const char *const why = "it restricts its system calls (seccomp)";
        hunt_retires(why);
        collector_retire(why);
        control_retires();
    }
}

// Requests in a ring hold pointers that nobody can see (SOUNDNESS S11).
static void note_unseen(long number)
{
    if (number == SYS_io_uring_setup)
        collector_passive("the program uses io_uring: what its requests refer to cannot be seen");
}

// The kernel stores into memory that these name later, unseen.
static void note_rings(long number)
{
    if (number == SYS_io_uring_setup || number == SYS_io_setup)
        barrier_give_up_mprotect("the program uses io_uring or kernel AIO");
}

static bool is_fork(long number) { return number == SYS_fork || number == SYS_clone || number == SYS_clone3; }

static long call_fork(long number, long a, long b, long c, long d, long e)
{
    bool copies = fork_is_one(number, a), entered = copies && fork_enter();
    if (!copies)
        fork_note_sharing(number == SYS_clone ? (uint64_t)a : *(const uint64_t *)a);
    long result = sys_call_plain(number, a, b, c, d, e, 0);
    fork_leave(entered, result == 0);
    return result;
}

// A call with a timeout keeps its length although a stop interrupts it (world/interrupt.h).
static long call_announced(long number, long *arguments)
{
    interrupt_announce_raw(number, arguments);
    long result = sys_call_plain(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                                 arguments[5]);
    interrupt_forget();
    return result;
}

// Without libc's: it is nothing but the instruction, and jemalloc calls it where no symbol may be looked up.
long interposed_syscall(long number, long a, long b, long c, long d, long e, long f) __asm__("syscall");
EXPORT long interposed_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    uint32_t ticket = KWRITE_NOTHING;
    if (unlikely(atomic_load_explicit(&kwrite_active, memory_order_relaxed))) {
        note_rings(number);
        ticket = enter(call_of(number), (long[]){a, b, c, d, e, f});
    }
    if (unlikely(number == SYS_prctl || number == SYS_seccomp))
        note_filter(number, a, b, c);
    if (unlikely(number == SYS_io_uring_setup))
        note_unseen(number);
    if (unlikely(number == SYS_io_submit))
        pins_aio_submit(b, (struct iocb *const *)c);
    if (unlikely(number == SYS_madvise))
        c = guards_advice((uintptr_t)a, (uintptr_t)(a + b), (int)c);
    bool protects = number == SYS_mprotect || number == SYS_pkey_mprotect;
    int access = number == SYS_pkey_mprotect && d > 0 ? PROT_NONE : (int)c;
    if (unlikely(protects))
        guards_before_call((uintptr_t)a, (uintptr_t)(a + b), access);
    long result = unlikely(is_fork(number)) ? call_fork(number, a, b, c, d, e)
                                            : call_announced(number, (long[]){a, b, c, d, e, f});
    kwrite_leave(ticket);
    if (unlikely(protects))
        guards_after_call((uintptr_t)a, (uintptr_t)(a + b), access, result);
    if (unlikely(number == SYS_io_submit))
        pins_aio_submitted(result, b, (struct iocb *const *)c);
    if (unlikely(number == SYS_io_getevents || number == SYS_io_pgetevents))
        pins_aio_done(result, (const struct io_event *)d);
    return to_errno(result);
}

// --- by hand -------------------------------------------------------------------------------------------------------

static void *_Atomic real_clock_gettime; // looked up in advance: our own code calls it while it holds locks

static __attribute__((constructor)) void find_clock(void)
{
    real_symbol(&real_clock_gettime, "clock_gettime");
}

static int clock_gettime_plain(clockid_t id, struct timespec *time)
{
    int (*real)(clockid_t, struct timespec *) = atomic_load_explicit(&real_clock_gettime,
                                                                     memory_order_relaxed);
    return likely(real != NULL) ? real(id, time)
                                : (int)to_errno(sys_call3(SYS_clock_gettime, id, (long)time, 0));
}

// The vDSO's clocks are stored by the program itself, the others by the kernel: onto our stack.
EXPORT int clock_gettime(clockid_t id, struct timespec *time)
{
    struct timespec copy;
    if (likely(!cage_contains((uintptr_t)time)))
        return clock_gettime_plain(id, time);
    int result = clock_gettime_plain(id, &copy);
    if (result == 0)
        *time = copy;
    return result;
}

any_function interposed_prctl __asm__("prctl");
EXPORT long interposed_prctl(long a, long b, long c, long d, long e, long f)
{
    static const struct call call = {SYS_prctl, POINTERS, {NONE, NONE, NONE}};
    static void *_Atomic cache;
    any_function *real = (any_function *)real_symbol(&cache, "prctl");
    note_filter(SYS_prctl, a, b, c);
    if (likely(!atomic_load_explicit(&kwrite_active, memory_order_relaxed)))
        return real(a, b, c, d, e, f);
    return guarded(&call, real, (long[]){a, b, c, d, e, f});
}

// A thread that has no alternate stack, and perhaps no thread-local storage, runs on a block of the heap.
typedef int clone_function(int (*body)(void *), char *stack, int flags, void *arg, pid_t *parent, void *tls,
                           pid_t *child);
clone_function interposed_clone __asm__("clone");
EXPORT int interposed_clone(int (*body)(void *), char *stack, int flags, void *arg, pid_t *parent, void *tls,
                            pid_t *child)
{
    static void *_Atomic cache;
    clone_function *real = (clone_function *)real_symbol(&cache, "clone");
    struct heap_block block = heap_find((uintptr_t)stack - 1);
    if (block.kind != HEAP_FOREIGN)
        kwrite_exclude(block.base, block.base + block.bytes);
    if (flags & CLONE_CHILD_CLEARTID)
        kwrite_exclude((uintptr_t)child, (uintptr_t)(child + 1));
    fork_note_sharing((uint64_t)flags);
    uint32_t ticket = kwrite_enter_one(parent, sizeof *parent);
    int result, error;
    if (flags & (CLONE_VM | CLONE_SETTLS)) {
        result = real(body, stack, flags, arg, parent, tls, child);
        error = errno;
    } else {
        struct fork_start start = {body, arg, fork_enter()};
        result = real(fork_begin_child, stack, flags, &start, parent, tls, child);
        error = errno;
        fork_leave(start.entered, false);
    }
    kwrite_leave(ticket);
    errno = error;
    return result;
}

// The program sees its own alternate stack only; a thread without one has ours.
EXPORT int sigaltstack(const stack_t *restrict wanted, stack_t *restrict before)
{
    stack_t now = {.ss_flags = SS_DISABLE};
    bool sets = wanted && !(wanted->ss_flags & SS_DISABLE);
    uintptr_t lo = sets ? (uintptr_t)wanted->ss_sp : 0, hi = sets ? lo + wanted->ss_size : 0;
    uint32_t ticket = kwrite_enter_one((void *)lo, hi - lo);
    long result = sys_call3(SYS_sigaltstack, (long)wanted, (long)&now, 0);
    bool done = result == 0;
    if (done && wanted)
        kwrite_set_alternate(lo, hi);
    kwrite_leave(ticket);
    if (kwrite_owns_stack(&now))
        now = (stack_t){.ss_flags = SS_DISABLE};
    if (done && before)
        *before = now;
    if (done && wanted && !sets)
        kwrite_thread_start();
    return (int)to_errno(result);
}
