// Which interrupted calls are made again, and how: see interrupt.h.
//
// A call that nobody announced is made again only if that cannot lengthen it: it waits for ever, or until an absolute
// time, or the kernel has stored the time that remains where it read the timeout (select and its kin). Otherwise its
// EINTR stays: whoever makes timed system calls by hand, inline or through syscall(2), sees it.
//
// connect: Linux makes an interrupted one again itself under SA_RESTART, and the second call waits for the connection
// that the first began (net/ipv4/af_inet.c, SS_CONNECTING); so we may too.
//
// A socket's call comes back with EINTR only if it has a timeout (sock_intr_errno in net/core/sock.c), and at its end with EAGAIN;
// connect with EINPROGRESS, but for local sockets. What does not come through a wrapper that announces it, by an inline system
// call or sendfile and its like, is made again with its whole timeout.
#include "world/interrupt.h"

#include "base/clock.h"
#include "sys/context.h"
#include "sys/syscall.h"
#include "world/stop.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

__thread struct interrupt interrupt_self;
__thread unsigned interrupt_handlers_run;

// A system call that is about to be made again.
struct repeat {
    uintptr_t pc;
    uintptr_t sp;
    long number;
    long arguments[4];
};

static __thread struct repeat last_repeat;

// The interrupted call that a handler of the program's returned to last. The note is withdrawn by the next announcement,
// or gets too old; till then a stop in a call at the same place may cost an EINTR more, where there was one just now.
static __thread struct {
    uintptr_t pc;
    uintptr_t sp;
    uint64_t when;
} owed;

// A signal frame is at least as large as this: the red zone, 512 bytes of legacy vector state, struct rt_sigframe.
enum { SMALLEST_SIGNAL_FRAME = CONTEXT_RED_ZONE + 512 + 440 };
enum { SYSCALL_BYTES = 2, MOV_BYTES = 5, MOV_EAX = 0xb8, URING_EXT_ARG = 8 };
enum { NS_PER_US = 1000, NS_PER_MS = 1000000, MS_PER_S = 1000, NS_PER_S = 1000000000 };
enum { OWED_NS = 100 * NS_PER_MS };

enum timeout {
    RESTARTED,        // none; the kernel itself makes the call again for a handler with SA_RESTART
    RECEIVING,        // the same, or it is a socket's; the descriptor comes first
    SENDING,          //
    ENDLESS,          // none, or an absolute one
    UPDATED_TIMEVAL,  // relative; the kernel stores what remains
    UPDATED_TIMESPEC, //
    MILLISECONDS,     // relative, in the register
    RELATIVE,         // relative
    SLEEP,            // clock_nanosleep's, which may be absolute
    FUTEX,            // FUTEX_WAIT's is relative, those of all other waiting operations are absolute
    URING,            // the flags: IORING_ENTER_EXT_ARG brings a timeout
};

static const struct call {
    short number;
    unsigned char timeout;
    unsigned char argument; // that holds the timeout, or points to it
} calls[] = {
    {SYS_read, RECEIVING, 0},
    {SYS_readv, RECEIVING, 0},
    {SYS_pread64, RESTARTED, 0},
    {SYS_preadv, RESTARTED, 0},
    {SYS_write, SENDING, 0},
    {SYS_writev, SENDING, 0},
    {SYS_pwrite64, RESTARTED, 0},
    {SYS_pwritev, RESTARTED, 0},
    {SYS_open, RESTARTED, 0},
    {SYS_openat, RESTARTED, 0},
    {SYS_ioctl, RESTARTED, 0},
    {SYS_fcntl, RESTARTED, 0},
    {SYS_flock, RESTARTED, 0},
    {SYS_wait4, RESTARTED, 0},
    {SYS_waitid, RESTARTED, 0},
    {SYS_getrandom, RESTARTED, 0},
    {SYS_accept, RECEIVING, 0},
    {SYS_accept4, RECEIVING, 0},
    {SYS_connect, SENDING, 0},
    {SYS_recvfrom, RECEIVING, 0},
    {SYS_recvmsg, RECEIVING, 0},
    {SYS_sendto, SENDING, 0},
    {SYS_sendmsg, SENDING, 0},
    {SYS_sendmmsg, SENDING, 0},
    {SYS_mq_timedsend, RESTARTED, 0},
    {SYS_mq_timedreceive, RESTARTED, 0},
    {SYS_futex, FUTEX, 3},
    {SYS_msgsnd, ENDLESS, 0},
    {SYS_msgrcv, ENDLESS, 0},
    {SYS_semop, ENDLESS, 0},
    {SYS_pause, ENDLESS, 0},
    {SYS_rt_sigsuspend, ENDLESS, 0},
    {SYS_select, UPDATED_TIMEVAL, 4},
    {SYS_pselect6, UPDATED_TIMESPEC, 4},
    {SYS_ppoll, UPDATED_TIMESPEC, 2},
    {SYS_poll, MILLISECONDS, 2},
    {SYS_epoll_wait, MILLISECONDS, 3},
    {SYS_epoll_pwait, MILLISECONDS, 3},
    {SYS_epoll_pwait2, RELATIVE, 3},
    {SYS_semtimedop, RELATIVE, 3},
    {SYS_rt_sigtimedwait, RELATIVE, 2},
    {SYS_recvmmsg, RELATIVE, 4},
    {SYS_io_getevents, RELATIVE, 4},
    {SYS_io_pgetevents, RELATIVE, 4},
    {SYS_clock_nanosleep, SLEEP, 2},
    {SYS_io_uring_enter, URING, 3},
};

static const struct call *find_call(long number)
{
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (calls[i].number == number)
            return &calls[i];
    return NULL;
}

static greg_t *argument(ucontext_t *uc, int n)
{
    static const unsigned char registers[] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};
    return &uc->uc_mcontext.gregs[registers[n]];
}

// --- announcements -----------------------------------------------------------------------------------------------

static uint64_t now(clockid_t clock)
{
    // A relative time of the real-time clock is measured by the monotonic one.
    return clock_ns_of(clock == CLOCK_REALTIME ? CLOCK_MONOTONIC : clock);
}

void interrupt_prepare(long number, clockid_t clock, const struct timespec *whole)
{
    struct interrupt *i = &interrupt_self;
    i->frame = 0;
    i->number = (int)number;
    i->clock = clock;
    i->socket = false;
    i->timed = whole != NULL;
    owed.sp = 0;
    if (whole) {
        i->whole = i->left = *whole;
        i->start = now(clock);
    }
}

_Atomic bool interrupt_sockets;

void interrupt_prepare_socket(void)
{
    interrupt_prepare(-1, CLOCK_MONOTONIC, NULL);
    interrupt_self.socket = true;
    interrupt_self.start = now(CLOCK_MONOTONIC);
}

static bool has_relative_time(const struct call *call, const long *arguments)
{
    if (!arguments[call->argument])
        return false;
    switch ((enum timeout)call->timeout) {
    case RELATIVE: return true;
    case SLEEP: return !(arguments[1] & TIMER_ABSTIME);
    case FUTEX: return ((int)arguments[1] & FUTEX_CMD_MASK) == FUTEX_WAIT;
    default: return false;
    }
}

void interrupt_prepare_raw(long number, long *arguments)
{
    const struct call *call = find_call(number);
    bool milliseconds_given = call && call->timeout == MILLISECONDS && (int)arguments[call->argument] > 0;
    if (milliseconds_given) {
        int ms = (int)arguments[call->argument];
        interrupt_prepare(number, CLOCK_MONOTONIC,
                          &(struct timespec){ms / MS_PER_S, ms % MS_PER_S * NS_PER_MS});
    } else if (call && has_relative_time(call, arguments)) {
        clockid_t clock = call->timeout == SLEEP ? (clockid_t)arguments[0] : CLOCK_MONOTONIC;
        interrupt_prepare(number, clock, (const struct timespec *)arguments[call->argument]);
        arguments[call->argument] = (long)&interrupt_self.left;
    } else {
        interrupt_prepare(number, CLOCK_MONOTONIC, NULL);
    }
}

static struct timespec time_left(const struct interrupt *i)
{
    uint64_t spent = now(i->clock) - i->start;
    struct timespec left = {i->whole.tv_sec - (time_t)(spent / NS_PER_S),
                            i->whole.tv_nsec - (long)(spent % NS_PER_S)};
    if (left.tv_nsec < 0) {
        left.tv_nsec += NS_PER_S;
        left.tv_sec--;
    }
    return left.tv_sec < 0 ? (struct timespec){0, 0} : left;
}

struct timespec interrupt_time_left(void) { return time_left(&interrupt_self); }

// Rounded up: a poll of 1 ms never ends early.
static int milliseconds(struct timespec t)
{
    return (int)(t.tv_sec * MS_PER_S + (t.tv_nsec + NS_PER_MS - 1) / NS_PER_MS);
}

// --- contexts ----------------------------------------------------------------------------------------------------

static bool interrupted(const ucontext_t *uc)
{
    const unsigned char *pc = (const unsigned char *)uc->uc_mcontext.gregs[REG_RIP];
    return uc->uc_mcontext.gregs[REG_RAX] == -EINTR && pc[-2] == 0x0f && pc[-1] == 0x05;
}

// The call the context stands behind, or -1. Its number is gone from rax, so it is read from the code: in the C library
// it is loaded right before the system call, or with one more load, of an argument from the stack, between them.
static int call_number(const ucontext_t *uc)
{
    static const unsigned char load_edi[] = {0x8b, 0x7c, 0x24}, load_rsi[] = {0x48, 0x8b, 0x74, 0x24};
    const unsigned char *call = (const unsigned char *)uc->uc_mcontext.gregs[REG_RIP] - SYSCALL_BYTES;
    uint32_t number;
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

// The announcement is for this number, made by the frame the context is in.
static bool announced(const ucontext_t *uc, long number)
{
    uintptr_t frame = interrupt_self.frame, sp = context_sp(uc);
    return sp <= frame && frame - sp < SMALLEST_SIGNAL_FRAME &&
           (number < 0 || number == interrupt_self.number);
}

// --- sockets -----------------------------------------------------------------------------------------------------

static __thread struct {
    pid_t tid; // whose timer it is: a forked child has none
    int id;
} timer;

enum { TIMER_MARK = 0x6764 };

// Timers are of the C library's thread, and of this process (timer_create(2)).
static bool make_timer(void)
{
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = stop_signal, .sigev_value.sival_int = TIMER_MARK};
    pid_t tid = sys_gettid();
    if (timer.tid == tid)
        return true;
    event._sigev_un._tid = tid;
    if (sys_call3(SYS_timer_create, CLOCK_MONOTONIC, (long)&event, (long)&timer.id) != 0)
        return false;
    timer.tid = tid;
    return true;
}

bool interrupt_is_timer(const siginfo_t *info)
{
    return info->si_code == SI_TIMER && info->si_value.sival_int == TIMER_MARK && timer.tid == sys_gettid();
}

void interrupt_thread_exit(void)
{
    if (timer.tid == sys_gettid())
        sys_call3(SYS_timer_delete, timer.id, 0, 0);
    timer.tid = 0;
}

static long error_at_end(const struct call *call, int socket)
{
    int domain = AF_INET;
    socklen_t bytes = sizeof domain;
    if (call->number != SYS_connect)
        return -EAGAIN;
    sys_call(SYS_getsockopt, socket, SOL_SOCKET, SO_DOMAIN, (long)&domain, (long)&bytes, 0);
    return domain == AF_UNIX ? -EAGAIN : -EINPROGRESS;
}

// Whether a call that the program announced is to go on; at its end it fails as it would have. Without a timer it begins its time again.
static bool goes_on(ucontext_t *uc, const struct call *call)
{
    struct interrupt *own = &interrupt_self;
    struct timeval length = {0, 0};
    socklen_t bytes = sizeof length;
    int socket = (int)*argument(uc, 0), option = call->timeout == RECEIVING ? SO_RCVTIMEO : SO_SNDTIMEO;
    if (!own->socket || !announced(uc, -1) ||
        sys_call(SYS_getsockopt, socket, SOL_SOCKET, option, (long)&length, (long)&bytes, 0) != 0 ||
        (length.tv_sec == 0 && length.tv_usec == 0))
        return true;
    own->whole = (struct timespec){length.tv_sec, length.tv_usec * NS_PER_US};
    const struct itimerspec left = {.it_value = time_left(own)};
    if (left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0) {
        uc->uc_mcontext.gregs[REG_RAX] = error_at_end(call, socket);
        return false;
    }
    if (make_timer())
        sys_call(SYS_timer_settime, timer.id, 0, (long)&left, 0, 0, 0);
    return true;
}

// Puts what remains in the place of the timeout; false: the call must not be made again.
static bool adjust_timeout(ucontext_t *uc, const struct call *call)
{
    greg_t *timeout = argument(uc, call->argument);
    const struct interrupt *own = interrupt_self.timed && announced(uc, call->number) ? &interrupt_self
                                                                                      : NULL;
    struct timespec left = own ? time_left(own) : (struct timespec){0, 0};
    switch ((enum timeout)call->timeout) {
    case RESTARTED:
    case ENDLESS: return true;
    case RECEIVING:
    case SENDING: return goes_on(uc, call);
    case UPDATED_TIMEVAL:
        if (own && *timeout)
            *(struct timeval *)*timeout = (struct timeval){left.tv_sec, left.tv_nsec / NS_PER_US};
        return true;
    case UPDATED_TIMESPEC:
        if (own && *timeout)
            *(struct timespec *)*timeout = left;
        return true;
    case MILLISECONDS:
        if (own)
            *timeout = milliseconds(left);
        return own || (int)*timeout < 0;
    case SLEEP:
        if (*argument(uc, 1) & TIMER_ABSTIME)
            return true;
        break;
    case RELATIVE:
        if (!*timeout)
            return true;
        break;
    case FUTEX:
        if (((int)*argument(uc, 1) & FUTEX_CMD_MASK) != FUTEX_WAIT || !*timeout)
            return true;
        break;
    case URING: return !(*timeout & URING_EXT_ARG);
    }
    if (!own || *timeout != (greg_t)&own->left)
        return false;
    interrupt_self.left = left;
    return true;
}

// The kernel set the context back to its system call: rcx still holds the address behind it, which the instruction
// stores there.
static bool set_back(const ucontext_t *uc)
{
    const greg_t *regs = uc->uc_mcontext.gregs;
    const unsigned char *pc = (const unsigned char *)regs[REG_RIP];
    return regs[REG_RCX] == regs[REG_RIP] + SYSCALL_BYTES && pc[0] == 0x0f && pc[1] == 0x05;
}

static struct repeat repeat_at(const ucontext_t *uc)
{
    const greg_t *regs = uc->uc_mcontext.gregs;
    return (struct repeat){.pc = (uintptr_t)regs[REG_RIP],
                           .sp = context_sp(uc),
                           .number = regs[REG_RAX],
                           .arguments = {regs[REG_RDI], regs[REG_RSI], regs[REG_RDX], regs[REG_R10]}};
}

static bool make_again(ucontext_t *uc)
{
    int number = call_number(uc);
    if (number < 0 && announced(uc, number))
        number = interrupt_self.number;
    const struct call *call = find_call(number);
    if (!call || !adjust_timeout(uc, call))
        return false;
    uc->uc_mcontext.gregs[REG_RIP] -= SYSCALL_BYTES;
    uc->uc_mcontext.gregs[REG_RAX] = number;
    return true;
}

static bool is_owed(const ucontext_t *uc)
{
    return context_sp(uc) == owed.sp && (uintptr_t)uc->uc_mcontext.gregs[REG_RIP] == owed.pc &&
           clock_ns() - owed.when < OWED_NS;
}

void interrupt_handled(const ucontext_t *uc)
{
    if (!interrupted(uc))
        return;
    owed.pc = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
    owed.when = clock_ns();
    owed.sp = context_sp(uc);
}

void interrupt_resume(ucontext_t *uc)
{
    if (interrupted(uc) && is_owed(uc))
        return;
    if (interrupted(uc) ? make_again(uc) : set_back(uc))
        last_repeat = repeat_at(uc);
}

void interrupt_end_call(ucontext_t *uc, bool restart)
{
    struct repeat here = repeat_at(uc);
    interrupt_handlers_run++;
    if (memcmp(&here, &last_repeat, sizeof here) != 0)
        return;
    const struct call *call = find_call(here.number);
    bool restarted = call && (call->timeout == RESTARTED || call->timeout == RECEIVING ||
                              call->timeout == SENDING || (call->timeout == FUTEX && !*argument(uc, 3)));
    if (!call || (restart && restarted))
        return;
    if (call->timeout == SLEEP && announced(uc, here.number) && interrupt_self.timed && *argument(uc, 3))
        *(struct timespec *)*argument(uc, 3) = time_left(&interrupt_self);
    uc->uc_mcontext.gregs[REG_RIP] += SYSCALL_BYTES;
    uc->uc_mcontext.gregs[REG_RAX] = -EINTR;
}
