// Which interrupted calls are made again, and how: see interrupt.h.
//
// A call is made again with the arguments it had, so only where that cannot lengthen it: it waits for ever, or until an
// absolute time, or the kernel has stored the time that remains where it read the timeout (select and its kin). A call
// with a relative timeout is left alone here: libc's are wrapped, and whoever makes system calls by hand, through
// syscall(2) or inline, sees EINTR.
//
// connect: Linux makes an interrupted one again itself under SA_RESTART, and the second call waits for the connection
// that the first began (net/ipv4/af_inet.c, SS_CONNECTING); so we may too.
//
// Known gaps. Socket calls with SO_RCVTIMEO or SO_SNDTIMEO are made again with their whole timeout. A signal of the
// program's that arrives in the few instructions between interrupt_resume and the repeated call runs its handler, but
// the call goes on; and one that had just returned when the stop came loses its EINTR: as for any program that has some
// handler with SA_RESTART. A signal sent to the process while several threads are stopped gives all of them EINTR.
#include "world/interrupt.h"

#include "base/bits.h"
#include "sys/context.h"
#include "sys/syscall.h"
#include "world/stop.h"

#include <errno.h>
#include <string.h>

__thread struct interrupt interrupt_self;

// A signal frame is at least as large as this: the red zone, 512 bytes of legacy vector state, struct rt_sigframe.
enum { SMALLEST_SIGNAL_FRAME = CONTEXT_RED_ZONE + 512 + 440 };

enum condition {
    ALWAYS,      // waits for ever, or the timeout is absolute, or the kernel updated it
    IF_NEGATIVE, // the argument is an int: milliseconds
    IF_NULL,     // the argument points to a relative time
    IF_ABSOLUTE, // the argument holds TIMER_ABSTIME
    IF_NO_EXT,   // the argument lacks IORING_ENTER_EXT_ARG, which brings a timeout
    IF_FUTEX,    // see futex_repeatable
};

enum { EXT_ARG = 8, SYSCALL_BYTES = 2, MOV_BYTES = 5, MOV_EAX = 0xb8 };

static const struct call {
    short number;
    unsigned char condition;
    unsigned char argument;
} calls[] = {
    {SYS_read, ALWAYS, 0},
    {SYS_readv, ALWAYS, 0},
    {SYS_pread64, ALWAYS, 0},
    {SYS_preadv, ALWAYS, 0},
    {SYS_write, ALWAYS, 0},
    {SYS_writev, ALWAYS, 0},
    {SYS_pwrite64, ALWAYS, 0},
    {SYS_pwritev, ALWAYS, 0},
    {SYS_open, ALWAYS, 0},
    {SYS_openat, ALWAYS, 0},
    {SYS_ioctl, ALWAYS, 0},
    {SYS_fcntl, ALWAYS, 0},
    {SYS_flock, ALWAYS, 0},
    {SYS_wait4, ALWAYS, 0},
    {SYS_waitid, ALWAYS, 0},
    {SYS_getrandom, ALWAYS, 0},
    {SYS_accept, ALWAYS, 0},
    {SYS_accept4, ALWAYS, 0},
    {SYS_connect, ALWAYS, 0},
    {SYS_recvfrom, ALWAYS, 0},
    {SYS_recvmsg, ALWAYS, 0},
    {SYS_sendto, ALWAYS, 0},
    {SYS_sendmsg, ALWAYS, 0},
    {SYS_sendmmsg, ALWAYS, 0},
    {SYS_recvmmsg, IF_NULL, 4},
    {SYS_mq_timedsend, ALWAYS, 0},
    {SYS_mq_timedreceive, ALWAYS, 0},
    {SYS_msgsnd, ALWAYS, 0},
    {SYS_msgrcv, ALWAYS, 0},
    {SYS_semop, ALWAYS, 0},
    {SYS_semtimedop, IF_NULL, 3},
    {SYS_futex, IF_FUTEX, 0},
    {SYS_pause, ALWAYS, 0},
    {SYS_rt_sigsuspend, ALWAYS, 0},
    {SYS_rt_sigtimedwait, IF_NULL, 2},
    {SYS_clock_nanosleep, IF_ABSOLUTE, 1},
    {SYS_select, ALWAYS, 0},
    {SYS_pselect6, ALWAYS, 0},
    {SYS_ppoll, ALWAYS, 0},
    {SYS_poll, IF_NEGATIVE, 2},
    {SYS_epoll_wait, IF_NEGATIVE, 3},
    {SYS_epoll_pwait, IF_NEGATIVE, 3},
    {SYS_epoll_pwait2, IF_NULL, 3},
    {SYS_io_getevents, IF_NULL, 4},
    {SYS_io_pgetevents, IF_NULL, 4},
    {SYS_io_uring_enter, IF_NO_EXT, 3},
};

static const struct call *find_call(int number)
{
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (calls[i].number == number)
            return &calls[i];
    return NULL;
}

static long argument(const ucontext_t *uc, int n)
{
    static const unsigned char registers[] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};
    return uc->uc_mcontext.gregs[registers[n]];
}

// FUTEX_WAIT's timeout is relative, those of all the other waiting operations are absolute.
static bool futex_repeatable(const ucontext_t *uc)
{
    int operation = (int)argument(uc, 1) & FUTEX_CMD_MASK;
    return operation != FUTEX_WAIT || argument(uc, 3) == 0;
}

static bool repeatable(const ucontext_t *uc, const struct call *call)
{
    long value = argument(uc, call->argument);
    switch ((enum condition)call->condition) {
    case ALWAYS: return true;
    case IF_NEGATIVE: return (int)value < 0;
    case IF_NULL: return value == 0;
    case IF_ABSOLUTE: return (value & TIMER_ABSTIME) != 0;
    case IF_NO_EXT: return !(value & EXT_ARG);
    case IF_FUTEX: return futex_repeatable(uc);
    }
    return false;
}

// The call the context stands behind, or -1. Its number is gone from rax, so it is read from the code: in the C library
// it is loaded right before the system call, or with one more load, of an argument from the stack, between them.
static int call_number(const ucontext_t *uc)
{
    static const unsigned char load_edi[] = {0x8b, 0x7c, 0x24}, load_rsi[] = {0x48, 0x8b, 0x74, 0x24};
    const unsigned char *call = (const unsigned char *)uc->uc_mcontext.gregs[REG_RIP] - SYSCALL_BYTES;
    uint32_t number;
    if (call[0] != 0x0f || call[1] != 0x05)
        return -1;
    if (call[-2] == 0x31 && call[-1] == 0xc0) // xor %eax,%eax
        return SYS_read;
    if (memcmp(call - sizeof load_edi - 1, load_edi, sizeof load_edi) == 0)
        call -= sizeof load_edi + 1;
    else if (memcmp(call - sizeof load_rsi - 1, load_rsi, sizeof load_rsi) == 0)
        call -= sizeof load_rsi + 1;
    if (call[-MOV_BYTES] != MOV_EAX)
        return -1;
    memcpy(&number, call - MOV_BYTES + 1, sizeof number);
    return number <= INT16_MAX ? (int)number : -1;
}

// As the kernel does it.
static void make_again(ucontext_t *uc, int number)
{
    uc->uc_mcontext.gregs[REG_RIP] -= SYSCALL_BYTES;
    uc->uc_mcontext.gregs[REG_RAX] = number;
}

// The kernel has set the context back to the system call it just left: rcx still holds the address behind it, and rax
// the number again. (A call not yet made has something else in rcx.)
static bool set_back(const ucontext_t *uc)
{
    const greg_t *regs = uc->uc_mcontext.gregs;
    const unsigned char *pc = (const unsigned char *)regs[REG_RIP];
    return regs[REG_RCX] == regs[REG_RIP] + SYSCALL_BYTES && pc[0] == 0x0f && pc[1] == 0x05;
}

static bool interrupted(const ucontext_t *uc) { return uc->uc_mcontext.gregs[REG_RAX] == -EINTR; }

enum owed { NOTHING, EINTR_IF_NOT_RESTARTED, EINTR_FOR_ALL };

// What the program's handlers that run as soon as we return mean for the interrupted call. All signals are blocked, so
// everything that arrived is pending.
static enum owed handlers_due(const ucontext_t *uc)
{
    uint64_t pending = sys_sigpending() & ~uc->uc_sigmask.__val[0] & ~sys_sigbit(stop_signal);
    enum owed owed = NOTHING;
    for (; pending; pending &= pending - 1) {
        struct signal_action action;
        if (sys_sigaction(__builtin_ctzl(pending) + 1, NULL, &action) != 0 || (uintptr_t)action.handler <= 1)
            continue; // ignored, or the default action: neither ends a call
        if (!(action.flags & SA_RESTART))
            return EINTR_FOR_ALL;
        owed = EINTR_IF_NOT_RESTARTED;
    }
    return owed;
}

bool interrupt_waiting(const ucontext_t *uc)
{
    uintptr_t frame = interrupt_self.frame, sp = context_sp(uc);
    int number = interrupted(uc) ? call_number(uc) : -1;
    return sp <= frame && frame - sp < SMALLEST_SIGNAL_FRAME &&
           (number < 0 || number == interrupt_self.number);
}

void interrupt_refuse(ucontext_t *uc)
{
    if (!set_back(uc) || !find_call((int)uc->uc_mcontext.gregs[REG_RAX]))
        return;
    uc->uc_mcontext.gregs[REG_RIP] = uc->uc_mcontext.gregs[REG_RCX];
    uc->uc_mcontext.gregs[REG_RAX] = -EINTR;
}

void interrupt_resume(ucontext_t *uc)
{
    if (!interrupted(uc) && !set_back(uc))
        return;
    enum owed owed = handlers_due(uc);
    if (owed == EINTR_FOR_ALL)
        interrupt_refuse(uc);
    if (owed != NOTHING || !interrupted(uc))
        return;
    if (interrupt_waiting(uc)) {
        interrupt_self.interrupted = 1;
        return;
    }
    int number = call_number(uc);
    const struct call *call = number < 0 ? NULL : find_call(number);
    if (call && repeatable(uc, call))
        make_again(uc, number);
}
