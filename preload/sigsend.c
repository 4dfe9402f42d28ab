// A program that sends itself the stop signal (S33): raise, pthread_kill, tgkill.
//
// Of a standard signal that is pending for a thread the kernel keeps one (signal(7)), so one of these could be lost behind the
// collector's, or take its place. They are sent as the shadow of that signal instead (see signal.c). Those of other processes, and
// the kernel's, are pending for the process: they merge with none of ours.
//
// Known gap. pthread_sigqueue, and system calls by number.
#include "sigmask.h"

#include "real.h"
#include "world/thread.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

// 0 or an error number.
static int send_shadow(int signal, pid_t tid)
{
    siginfo_t info = {.si_signo = signal, .si_code = SIGMASK_TKILL};
    info.si_pid = sys_getpid();
    info.si_uid = getuid();
    return (int)-signal_send_shadow(signal, &info, tid);
}

static bool is_ours(int signal) { return signal == stop_signal && !signal_in_other_process(); }

static int result_of(int error)
{
    if (!error)
        return 0;
    errno = error;
    return -1;
}

EXPORT int raise(int signal)
{
    static void *_Atomic cache;
    typeof(raise) *real = real_symbol(&cache, "raise");
    return is_ours(signal) ? result_of(send_shadow(signal, sys_gettid())) : real(signal);
}

EXPORT int tgkill(pid_t process, pid_t tid, int signal)
{
    static void *_Atomic cache;
    typeof(tgkill) *real = real_symbol(&cache, "tgkill");
    if (!is_ours(signal) || process != sys_getpid())
        return real(process, tid, signal);
    return result_of(send_shadow(signal, tid));
}

// The C library's descriptor of a thread, which its handle points to, lies at the end of its stack.
EXPORT int pthread_kill(pthread_t thread, int signal)
{
    static void *_Atomic cache;
    typeof(pthread_kill) *real = real_symbol(&cache, "pthread_kill");
    pid_t tid = 0;
    if (is_ours(signal))
        tid = pthread_equal(thread, pthread_self()) ? sys_gettid() : thread_with_stack_at((uintptr_t)thread);
    return tid ? send_shadow(signal, tid) : real(thread, signal);
}
