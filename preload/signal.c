// The program must not notice that two signals are ours (S33, S41): actions and delivery. Masks: sigmask.c; sending: sigsend.c;
// contexts: context.c.
//
// The stop signal (SIGURG unless configured) and, where the mprotect back-end may be used, SIGSEGV are hidden: the
// kernel has our actions for them and never blocks them, while the program reads back the actions and masks it set.
// A real signal of that number reaches the program's handler: stop.c and the back-end pass on what was not theirs.
//
// Actions. wanted[] holds what the program set. For signals that are not hidden the kernel has the same, with two
// changes: the hidden ones are taken out of the mask, and the handler is enter_handler, which calls the program's. It is
// there to end a system call that a stop interrupted a moment before (S32, world/interrupt.h).
//
// Masks. In the kernel's masks and sets each hidden signal has a shadow: another signal that is blocked when the hidden
// one would be. So its state goes wherever masks go, through sigreturn, siglongjmp, new threads, and nothing has to be
// undone when a handler ends or jumps out. The shadows are SIGSTKFLT, which Linux never sends, and for SIGSEGV a
// real-time signal; the mask the program asked for last tells whether it meant them themselves.
//
// Pending. A hidden signal that arrives where the program blocks it is sent on as its shadow, with its own number in
// si_errno. There the kernel keeps it, lets it through when the program unblocks it by whatever means, and hands it to
// sigwait and signalfd.
//
// Everything here may be called in the program's handlers: thread-local words, and one spin lock held with all signals
// blocked. A vfork child shares our memory, not our dispositions: it stores nothing, and its changes go to the kernel.
//
// Known gaps. Masks put into posix_spawn attributes go to the kernel as they are. After execve the new program inherits neither
// SIG_IGN nor a blocked state of the stop signal. One that another thread takes may end an epoll_wait or a semop with
// EINTR where the program blocks it. The shadows themselves are blocked when their signals are; SIGSTKFLT only then.
#include "sigmask.h"

#include "real.h"
#include "heap/misuse.h"
#include "sys/cpu.h"
#include "world/interrupt.h"

#include <errno.h>
#include <stdatomic.h>

enum {
    FAULT_WRITE = 2, // in a page fault's error code
    SA_RESTORER_FLAG = 0x04000000,
    KNOWN_FLAGS = SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER |
                  (int)SA_RESETHAND | 0x800 /* SA_EXPOSE_TAGBITS */ | SA_RESTORER_FLAG,
};

bool signal_hide_segv;

static pid_t owner;                                    // whose dispositions these are; 0: not booted
static atomic_flag guard = ATOMIC_FLAG_INIT;           // held with all signals blocked
static struct signal_action wanted[_NSIG];             // guard; enter_handler reads single fields without it
static void (*segv_install)(uint64_t mask, int flags); // guard
static _Atomic uint64_t interrupting;                  // siginterrupt(n, 1) was called

bool signal_in_other_process(void) { return owner && sys_getpid() != owner; }

static int fail(int error)
{
    errno = error;
    return -1;
}

// --- actions -----------------------------------------------------------------------------------------------------

static uint64_t guard_lock(void)
{
    uint64_t all = ~0UL, old;
    sys_sigprocmask(SIG_SETMASK, &all, &old);
    while (atomic_flag_test_and_set_explicit(&guard, memory_order_acquire))
        cpu_relax();
    return old;
}

static void guard_unlock(uint64_t old)
{
    atomic_flag_clear_explicit(&guard, memory_order_release);
    sys_sigprocmask(SIG_SETMASK, &old, NULL);
}

static struct signal_action to_action(const struct sigaction *act)
{
    return (struct signal_action){
        .handler = act->sa_sigaction,
        .flags = ((unsigned)act->sa_flags & KNOWN_FLAGS) | SA_RESTORER_FLAG,
        .mask = act->sa_mask.__val[0] & ~(sys_sigbit(SIGKILL) | sys_sigbit(SIGSTOP)),
    };
}

static void from_action(struct sigaction *act, const struct signal_action *action)
{
    *act = (struct sigaction){.sa_flags = (int)action->flags};
    act->sa_sigaction = action->handler;
    act->sa_mask.__val[0] = action->mask;
}

static bool has_handler(const struct signal_action *action)
{
    return (uintptr_t)action->handler > (uintptr_t)SIG_IGN;
}

// The program's mask while its handler for a signal runs.
static uint64_t mask_inside(const struct signal_action *action, int signal, uint64_t outside)
{
    return (outside | action->mask | (action->flags & SA_NODEFER ? 0 : sys_sigbit(signal))) &
           ~SIGMASK_UNBLOCKABLE;
}

static void *_Atomic sigaction_cache;

static int real_sigaction(int signal, const struct sigaction *act, struct sigaction *old)
{
    typeof(sigaction) *real = real_symbol(&sigaction_cache, "sigaction");
    return real(signal, act, old);
}

// Until the back-end catches SIGSEGV.
static void install_forward(uint64_t mask, int flags)
{
    const struct sigaction act = {
        .sa_sigaction = signal_forward_segv, .sa_mask = {{mask}}, .sa_flags = flags};
    real_sigaction(SIGSEGV, &act, NULL);
}

static void install_segv_locked(void)
{
    const struct signal_action *action = &wanted[SIGSEGV];
    int flags = has_handler(action) ? (int)action->flags & (SA_ONSTACK | SA_RESTART)
                                    : SA_ONSTACK | SA_RESTART;
    (segv_install ? segv_install : install_forward)(sigmask_to_kernel(mask_inside(action, SIGSEGV, 0)),
                                                    flags | SA_SIGINFO | SA_NODEFER);
}

// Calls the program's handler with the context it would have without us. It may jump out, and may change the mask that
// is in force afterwards. What it waits for is not what was announced outside.
static void call_handler(const struct signal_action *action, int signal, siginfo_t *info, ucontext_t *uc)
{
    unsigned long *mask = &uc->uc_sigmask.__val[0];
    struct interrupt outside = interrupt_self;
    interrupt_end_call(uc, (action->flags & SA_RESTART) != 0);
    interrupt_forget();
    *mask = sigmask_to_program(*mask, sigmask_believed);
    sigmask_believed = mask_inside(action, signal, *mask);
    action->handler(signal, info, uc);
    sigmask_believed = *mask & ~SIGMASK_UNBLOCKABLE;
    *mask = sigmask_to_kernel(sigmask_believed);
    interrupt_self = outside;
    interrupt_handled(uc);
}

static void shadow_handler(int signal, siginfo_t *info, void *context);

// The kernel's handler for all signals that are not hidden.
static void enter_handler(int signal, siginfo_t *info, void *context)
{
    const struct signal_action action = wanted[signal];
    if (has_handler(&action)) // a system call may have copied us from another signal
        call_handler(&action, signal, info, context);
}

// The action as the kernel shall have it.
static struct sigaction kernel_action(const struct sigaction *act, bool enter)
{
    struct sigaction kernel = *act;
    kernel.sa_mask.__val[0] = sigmask_to_kernel(act->sa_mask.__val[0]);
    if (enter && act->sa_handler != SIG_DFL && act->sa_handler != SIG_IGN)
        kernel.sa_sigaction = enter_handler;
    return kernel;
}

// wanted[] keeps the last handler even when none is set any more: somebody may put enter_handler back by a system call.
static int visible_action_locked(int signal, const struct sigaction *act, struct sigaction *old, bool other)
{
    struct signal_action before = wanted[signal], action;
    struct sigaction kernel;
    if (act) {
        action = to_action(act);
        kernel = kernel_action(act, !other);
    }
    if (act && !other && has_handler(&action))
        wanted[signal] = action;
    if (real_sigaction(signal, act ? &kernel : NULL, old) < 0) {
        wanted[signal] = before;
        return -1;
    }
    if (old && old->sa_sigaction == enter_handler)
        old->sa_sigaction = before.handler;
    if (old && old->sa_sigaction == shadow_handler)
        from_action(old, &before);
    else if (old)
        old->sa_mask.__val[0] = sigmask_to_program(old->sa_mask.__val[0], before.mask);
    return 0;
}

static int visible_action(int signal, const struct sigaction *act, struct sigaction *old)
{
    if (signal < 1 || signal >= _NSIG)
        return fail(EINVAL);
    // Nothing of the program's is written under the lock: with all signals blocked a write fault would be the end of it.
    bool other = signal_in_other_process();
    struct sigaction before;
    uint64_t mask = guard_lock();
    int result = visible_action_locked(signal, act, old ? &before : NULL, other);
    guard_unlock(mask);
    if (old && result == 0)
        *old = before;
    return result;
}

// The stop signal's handler passes on the program's signals, so it has to be there although nothing may ever need
// stopping.
static int hidden_action(int signal, const struct sigaction *act, struct sigaction *old)
{
    bool other = signal_in_other_process();
    uint64_t mask = guard_lock();
    struct signal_action before = wanted[signal];
    if (act && !other)
        wanted[signal] = to_action(act);
    if (act && !other && signal == stop_signal)
        stop_boot(signal);
    if (act && !other && signal == SIGSEGV)
        install_segv_locked();
    if (act && other) {
        struct sigaction kernel = kernel_action(act, false);
        real_sigaction(signal, &kernel, NULL);
    }
    guard_unlock(mask);
    if (old)
        from_action(old, &before);
    return 0;
}

EXPORT int sigaction(int signal, const struct sigaction *restrict act, struct sigaction *restrict old)
{
    return sigmask_is_hidden(signal) ? hidden_action(signal, act, old) : visible_action(signal, act, old);
}

static sighandler_t set_handler(int signal, sighandler_t handler, int flags, uint64_t mask)
{
    struct sigaction act = {.sa_flags = flags, .sa_mask = {{mask}}}, old;
    act.sa_handler = handler;
    if (handler == SIG_ERR || signal < 1 || signal >= _NSIG) {
        errno = EINVAL;
        return SIG_ERR;
    }
    return sigaction(signal, &act, &old) < 0 ? SIG_ERR : old.sa_handler;
}

static uint64_t bit_or_none(int signal) { return signal < 1 || signal >= _NSIG ? 0 : sys_sigbit(signal); }

EXPORT sighandler_t signal(int signal, sighandler_t handler)
{
    uint64_t bit = bit_or_none(signal);
    return set_handler(signal, handler, interrupting & bit ? 0 : SA_RESTART, bit);
}

EXPORT sighandler_t sysv_signal(int signal, sighandler_t handler)
{
    return set_handler(signal, handler, (int)(SA_RESETHAND | SA_NODEFER | SA_INTERRUPT), 0);
}

EXPORT int sigignore(int signal) { return set_handler(signal, SIG_IGN, 0, 0) == SIG_ERR ? -1 : 0; }

EXPORT int siginterrupt(int signal, int interrupts)
{
    struct sigaction act;
    if (sigaction(signal, NULL, &act) < 0)
        return -1;
    if (interrupts) {
        interrupting |= sys_sigbit(signal);
        act.sa_flags &= ~SA_RESTART;
    } else {
        interrupting &= ~sys_sigbit(signal);
        act.sa_flags |= SA_RESTART;
    }
    return sigaction(signal, &act, NULL);
}

EXPORT sighandler_t sigset(int signal, sighandler_t handler)
{
    struct sigaction old;
    sigset_t set, before;
    sigemptyset(&set);
    if (handler == SIG_ERR || sigaddset(&set, signal) < 0)
        return set_handler(signal, SIG_ERR, 0, 0);
    if (handler == SIG_HOLD) {
        if (sigprocmask(SIG_BLOCK, &set, &before) < 0 || sigaction(signal, NULL, &old) < 0)
            return SIG_ERR;
    } else {
        old.sa_handler = set_handler(signal, handler, 0, 0);
        if (old.sa_handler == SIG_ERR || sigprocmask(SIG_UNBLOCK, &set, &before) < 0)
            return SIG_ERR;
    }
    return sigismember(&before, signal) ? SIG_HOLD : old.sa_handler;
}

extern typeof(sigaction) __sigaction
    __attribute__((alias("sigaction"), copy(sigaction), visibility("default")));
extern typeof(signal) bsd_signal __attribute__((alias("signal"), copy(signal), visibility("default")));
extern typeof(signal) ssignal __attribute__((alias("signal"), copy(signal), visibility("default")));
extern typeof(signal) __sysv_signal
    __attribute__((alias("sysv_signal"), copy(sysv_signal), visibility("default")));

// --- signals that were not ours ------------------------------------------------------------------------------------

// The action that a signal now meets.
static struct signal_action take_action(int signal)
{
    bool other = signal_in_other_process();
    uint64_t mask = guard_lock();
    struct signal_action action = wanted[signal];
    if (has_handler(&action) && action.flags & SA_RESETHAND && !other)
        wanted[signal].handler = NULL;
    guard_unlock(mask);
    return action;
}

// Calls the program's handler as the kernel would; all signals are blocked, or what it wants blocked already is.
static void run_handler(const struct signal_action *action, int signal, siginfo_t *info, ucontext_t *uc)
{
    uint64_t mask = sigmask_to_program(uc->uc_sigmask.__val[0], sigmask_believed), ours;
    uint64_t kernel = sigmask_to_kernel(mask_inside(action, signal, mask));
    sys_sigprocmask(SIG_SETMASK, &kernel, &ours);
    call_handler(action, signal, info, uc);
    sys_sigprocmask(SIG_SETMASK, &ours, NULL);
}

static void restore_default(int signal)
{
    const struct signal_action action = {0};
    sys_sigaction(signal, &action, NULL);
}

static bool ignored_by_default(int signal)
{
    return signal == SIGURG || signal == SIGCHLD || signal == SIGWINCH || signal == SIGCONT;
}

// The kernel lets nobody pretend to be kill or tgkill but a thread towards itself, named by its own number; that number stands for
// the process in rt_sigqueueinfo (kernel/signal.c, do_rt_sigqueueinfo).
static long send(int signal, siginfo_t *info, pid_t tid)
{
    if (info->si_code == SI_TKILL || info->si_code == SIGMASK_TKILL)
        return sys_call(SYS_rt_tgsigqueueinfo, sys_getpid(), tid, signal, (long)info, 0, 0);
    return sys_call3(SYS_rt_sigqueueinfo, sys_gettid(), signal, (long)info);
}

// A signal that was not ours meets the program's action, unless blocked. The call it interrupted goes on, unless a
// handler ends it again.
static void deliver(int signal, siginfo_t *info, ucontext_t *uc)
{
    struct signal_action action = take_action(signal);
    interrupt_resume(uc);
    if (has_handler(&action)) {
        run_handler(&action, signal, info, uc);
    } else if (!action.handler && !ignored_by_default(signal)) {
        restore_default(signal);
        send(signal, info, sys_gettid());
    }
}

static void shadow_handler(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    deliver(signal_received(info), info, context);
}

static void install_shadow(int shadow)
{
    struct sigaction act = {.sa_sigaction = shadow_handler, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
    sigfillset(&act.sa_mask);
    act.sa_mask.__val[0] &= ~sigmask_hidden_bits();
    real_sigaction(shadow, &act, NULL);
}

// A hidden signal that the program blocks waits as its shadow.
long signal_send_shadow(int signal, siginfo_t *info, pid_t tid)
{
    install_shadow(sigmask_shadow_of(signal));
    sigmask_sent_on |= sys_sigbit(signal);
    info->si_errno = signal;
    return send(sigmask_shadow_of(signal), info, tid);
}

static void deliver_unless_blocked(int signal, siginfo_t *info, ucontext_t *uc)
{
    if (!(sigmask_to_program(uc->uc_sigmask.__val[0], sigmask_believed) & sys_sigbit(signal))) {
        deliver(signal, info, uc);
    } else {
        interrupt_resume(uc);
        signal_send_shadow(signal, info, sys_gettid());
    }
}

// A signal with the stop signal's number that the collector did not send; all signals are blocked.
static void foreign_signal(int signal, siginfo_t *info, void *context)
{
    deliver_unless_blocked(signal, info, context);
}

// A fault that the kernel would not let the program handle kills it: with the default action back in place, the
// instruction faults again, so status and core are those of the fault.
void signal_forward_segv(int signal, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    if (info->si_code <= 0) { // sent, not a fault
        deliver_unless_blocked(signal, info, uc);
        return;
    }
    misuse_faulted((uintptr_t)info->si_addr, uc->uc_mcontext.gregs[REG_ERR] & FAULT_WRITE,
                   (uintptr_t)uc->uc_mcontext.gregs[REG_RIP]);
    struct signal_action action = take_action(signal);
    if (has_handler(&action) &&
        !(sigmask_to_program(uc->uc_sigmask.__val[0], sigmask_believed) & sys_sigbit(signal)))
        run_handler(&action, signal, info, uc);
    else
        restore_default(signal);
}

// --- boot ----------------------------------------------------------------------------------------------------------

// What the program inherited, or set before us, unless our sigaction has it already.
static void adopt(int signal)
{
    struct signal_action kernel;
    if (wanted[signal].flags || sys_sigaction(signal, NULL, &kernel) != 0)
        return;
    kernel.mask = sigmask_to_program(kernel.mask, 0);
    wanted[signal] = kernel;
}

void signal_boot(void)
{
    owner = sys_getpid();
    adopt(stop_signal);
    if (signal_hide_segv)
        adopt(SIGSEGV);
    real_symbol(&sigaction_cache, "sigaction"); // not for the first time in a handler
    stop_foreign_signal = foreign_signal;
    uint64_t mask;
    sys_sigprocmask(SIG_BLOCK, NULL, &mask);
    if (mask & sigmask_hidden_bits())
        sigmask_set(mask); // inherited
}

void signal_fork_child(void)
{
    owner = sys_getpid();
    atomic_flag_clear(&guard);
}

void signal_watch_segv(void)
{
    uint64_t mask = guard_lock();
    install_segv_locked();
    guard_unlock(mask);
}

void signal_segv_ready(void (*install)(uint64_t mask, int flags))
{
    uint64_t mask = guard_lock();
    segv_install = install;
    install_segv_locked();
    guard_unlock(mask);
}
