// Signal masks and sets as the program knows them: the first half of signal.c's head.
//
// A mask that blocks a hidden signal is stored in the kernel with its shadow in the place of it. The kernel must then have our
// handler for the stop signal, collector or not: it drops what nobody blocks and nobody catches.
#include "sigmask.h"

#include "real.h"

#include <errno.h>
#include <pthread.h>
#include <sys/select.h>
#include <sys/signalfd.h>

enum { STOP_SHADOW = SIGSTKFLT, SEGV_SHADOW = 57 };

bool signal_descriptors;
static fd_set descriptors; // that signalfd returned for sets with hidden signals

_Atomic uint64_t sigmask_sent_on;
__thread volatile uint64_t sigmask_believed;

static int fail(int error)
{
    errno = error;
    return -1;
}

int sigmask_shadow_of(int signal) { return signal == stop_signal ? STOP_SHADOW : SEGV_SHADOW; }

uint64_t sigmask_to_kernel(uint64_t program)
{
    uint64_t kernel = program & ~(sigmask_hidden_bits() | sys_sigbit(STOP_SHADOW));
    if (program & sys_sigbit(stop_signal))
        kernel |= sys_sigbit(STOP_SHADOW);
    if (signal_hide_segv && program & sys_sigbit(SIGSEGV))
        kernel |= sys_sigbit(SEGV_SHADOW);
    return kernel;
}

uint64_t sigmask_to_program(uint64_t kernel, uint64_t last)
{
    uint64_t program = kernel, shadow = sys_sigbit(SEGV_SHADOW), segv = sys_sigbit(SIGSEGV);
    if (sigmask_to_kernel(last) == kernel)
        return last;
    if (kernel & sys_sigbit(STOP_SHADOW))
        program |= sys_sigbit(stop_signal);
    if (signal_hide_segv && kernel & shadow && (last & (shadow | segv)) != shadow)
        program |= segv;
    return program;
}

// The calling thread's.
static uint64_t program_mask(void)
{
    uint64_t kernel;
    sys_sigprocmask(SIG_BLOCK, NULL, &kernel);
    return sigmask_to_program(kernel, sigmask_believed);
}

void sigmask_set(uint64_t mask)
{
    static _Atomic bool caught;
    uint64_t kernel = sigmask_to_kernel(mask);
    if (mask & sys_sigbit(stop_signal) && !signal_in_other_process() && !atomic_exchange(&caught, true))
        stop_boot(stop_signal);
    sigmask_believed = mask;
    sys_sigprocmask(SIG_SETMASK, &kernel, NULL);
}

const sigset_t *signal_kernel_set(const sigset_t *set, sigset_t *copy)
{
    if (!set)
        return NULL;
    *copy = (sigset_t){{sigmask_to_kernel(set->__val[0])}};
    return copy;
}

// pthread_sigmask: returns an error number.
static int change_mask(int how, const sigset_t *set, sigset_t *old)
{
    uint64_t mask = program_mask(), change = set ? set->__val[0] & ~SIGMASK_UNBLOCKABLE : 0;
    if (set && how != SIG_BLOCK && how != SIG_UNBLOCK && how != SIG_SETMASK)
        return EINVAL;
    if (set)
        sigmask_set(how == SIG_BLOCK ? mask | change : how == SIG_UNBLOCK ? mask & ~change : change);
    if (old)
        old->__val[0] = mask;
    return 0;
}

EXPORT int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
    return change_mask(how, set, old);
}

EXPORT int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
    int error = change_mask(how, set, old);
    return error ? fail(error) : 0;
}

static int change_one(int how, int signal)
{
    sigset_t set;
    sigemptyset(&set);
    return sigaddset(&set, signal) < 0 ? -1 : sigprocmask(how, &set, NULL);
}

EXPORT int sighold(int signal) { return change_one(SIG_BLOCK, signal); }

EXPORT int sigrelse(int signal) { return change_one(SIG_UNBLOCK, signal); }

// BSD's masks are ints.
static int change_low(int how, int mask)
{
    sigset_t set = {{(unsigned)mask}}, old;
    return sigprocmask(how, &set, &old) < 0 ? -1 : (int)old.__val[0];
}

EXPORT int sigblock(int mask) { return change_low(SIG_BLOCK, mask); }

EXPORT int sigsetmask(int mask) { return change_low(SIG_SETMASK, mask); }

static int suspend_without(int signal)
{
    sigset_t set;
    sigprocmask(SIG_BLOCK, NULL, &set);
    return sigdelset(&set, signal) < 0 ? -1 : sigsuspend(&set);
}

// The headers call X/Open's sigpause(signal) __xpg_sigpause; the plain symbol is BSD's sigpause(mask).
EXPORT int sigpause(int signal) { return suspend_without(signal); }

int __sigpause(int signal_or_mask, int is_signal);
EXPORT int __sigpause(int signal_or_mask, int is_signal)
{
    const sigset_t set = {{(unsigned)signal_or_mask}};
    return is_signal ? suspend_without(signal_or_mask) : sigsuspend(&set);
}

int bsd_sigpause(int mask) __asm__("sigpause");
EXPORT int bsd_sigpause(int mask) { return __sigpause(mask, 0); }

EXPORT int sigpending(sigset_t *set)
{
    static void *_Atomic cache;
    typeof(sigpending) *real = real_symbol(&cache, "sigpending");
    sigset_t pending;
    int result = real(&pending);
    for (int signal = 1; result == 0 && sigmask_sent_on && signal < _NSIG; signal++)
        if (sigmask_sent_on & sys_sigbit(signal) && pending.__val[0] & sys_sigbit(sigmask_shadow_of(signal)))
            pending.__val[0] ^= sys_sigbit(signal) | sys_sigbit(sigmask_shadow_of(signal));
    if (result == 0)
        *set = (sigset_t){{pending.__val[0]}};
    return result;
}

int signal_received(siginfo_t *info)
{
    if (sigmask_is_hidden(info->si_errno) && info->si_signo == sigmask_shadow_of(info->si_errno)) {
        info->si_signo = info->si_errno;
        info->si_errno = 0;
        if (info->si_code == SIGMASK_TKILL)
            info->si_code = SI_TKILL;
        sigmask_sent_on &= ~sys_sigbit(info->si_signo);
    }
    return info->si_signo;
}

EXPORT int signalfd(int fd, const sigset_t *set, int flags)
{
    static void *_Atomic cache;
    typeof(signalfd) *real = real_symbol(&cache, "signalfd");
    sigset_t copy;
    int result = real(fd, signal_kernel_set(set, &copy), flags);
    if (result >= 0 && result < FD_SETSIZE && set->__val[0] & sigmask_hidden_bits()) {
        FD_SET(result, &descriptors);
        signal_descriptors = true;
    }
    return result;
}

void signal_received_by_fd(int fd, void *buffer, long bytes)
{
    struct signalfd_siginfo *info = buffer;
    if (fd < 0 || fd >= FD_SETSIZE || !FD_ISSET(fd, &descriptors))
        return;
    for (; bytes >= (long)sizeof *info; bytes -= (long)sizeof *info, info++)
        if (sigmask_is_hidden(info->ssi_errno) &&
            (int)info->ssi_signo == sigmask_shadow_of(info->ssi_errno)) {
            info->ssi_signo = (uint32_t)info->ssi_errno;
            info->ssi_errno = 0;
            if (info->ssi_code == SIGMASK_TKILL)
                info->ssi_code = SI_TKILL;
            sigmask_sent_on &= ~sys_sigbit((int)info->ssi_signo);
        }
}

EXPORT int pthread_attr_setsigmask_np(pthread_attr_t *attributes, const sigset_t *set)
{
    static void *_Atomic cache;
    typeof(pthread_attr_setsigmask_np) *real = real_symbol(&cache, "pthread_attr_setsigmask_np");
    sigset_t copy;
    return real(attributes, signal_kernel_set(set, &copy));
}

EXPORT int pthread_attr_getsigmask_np(const pthread_attr_t *attributes, sigset_t *set)
{
    static void *_Atomic cache;
    typeof(pthread_attr_getsigmask_np) *real = real_symbol(&cache, "pthread_attr_getsigmask_np");
    int result = real(attributes, set);
    if (result == 0)
        set->__val[0] = sigmask_to_program(set->__val[0], 0);
    return result;
}
