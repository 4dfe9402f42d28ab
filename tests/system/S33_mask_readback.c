// What the program reads back as its signal mask and handlers is what it set, our own signals included.
#include "check.h"
#include <ucontext.h>

static sigset_t everything;

static void check_mask(const sigset_t *mask, const char *where)
{
    for (int s = 1; s <= 64; s++) {
        if (s == SIGKILL || s == SIGSTOP || (s >= 32 && s < SIGRTMIN)) continue;
        CHECK(sigismember(mask, s) == sigismember(&everything, s), "signal %d %s", s, where);
    }
}

static void on_user(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info;
    check_mask(&((ucontext_t *)context)->uc_sigmask, "in a handler's context");
}

static void *body(void *unused)
{
    sigset_t now;
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    check_mask(&now, "inherited by a thread");
    return unused;
}

int main(void)
{
    sigset_t now, none;
    struct sigaction action = {.sa_sigaction = on_user, .sa_flags = SA_SIGINFO}, old;
    sigemptyset(&none);
    sigfillset(&everything);
    sigfillset(&action.sa_mask);
    collector_start();
    for (int s = 1; s < 32; s++) {
        CHECK(sigaction(s, NULL, &old) == 0 && (old.sa_handler == SIG_DFL || old.sa_handler == SIG_IGN), "signal %d has a handler", s); // nohup ignores one
    }
    CHECK(sigaction(SIGURG, &action, NULL) == 0 && sigaction(SIGURG, NULL, &old) == 0);
    CHECK(old.sa_sigaction == on_user && (old.sa_flags & ~0x04000000) == SA_SIGINFO && sigismember(&old.sa_mask, SIGSEGV) == 1 && sigismember(&old.sa_mask, SIGURG) == 1);
    sigaction(SIGUSR1, &action, NULL);

    CHECK(sigprocmask(SIG_BLOCK, &everything, &now) == 0 && memcmp(&now, &none, 8) == 0);
    CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0);
    check_mask(&now, "after SIG_BLOCK");
    join(start(body, NULL));
    sigdelset(&everything, SIGUSR1);
    CHECK(pthread_sigmask(SIG_SETMASK, &everything, NULL) == 0 && pthread_sigmask(SIG_SETMASK, NULL, &now) == 0);
    check_mask(&now, "after SIG_SETMASK");
    raise(SIGUSR1);
    ucontext_t context;
    getcontext(&context);
    check_mask(&context.uc_sigmask, "in getcontext");
    CHECK(sigprocmask(SIG_UNBLOCK, &everything, NULL) == 0 && sigprocmask(SIG_BLOCK, NULL, &now) == 0 && memcmp(&now, &none, 8) == 0);
    collector_stop();
}
