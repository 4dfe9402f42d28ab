// Events: eventfd, timerfd, signalfd, signals, children, message queues, inotify, poll sets and pipes deliver into cold heap memory.
// libs: -lrt
#include "cold.h"
#include <mqueue.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static int event, timer, signals, inotify, messages, epoll;
static mqd_t queue;
static sigset_t user;

static void c_eventfd(void) { uint64_t *n = cold(); CHECK(eventfd_write(event, 7) == 0 && read(event, n, 8) == 8 && *n == 7); }
static void c_timerfd(void)
{
    uint64_t *n = cold();
    struct itimerspec soon = {.it_value.tv_nsec = 1}, *now = cold();
    CHECK(timerfd_settime(timer, 0, &soon, now) == 0 && now->it_interval.tv_sec == 0);
    CHECK(read(timer, n, 8) == 8 && *n == 1);
}
static void c_signalfd(void)
{
    struct signalfd_siginfo *info = cold();
    raise(SIGUSR1);
    CHECK(read(signals, info, sizeof *info) == sizeof *info && info->ssi_signo == SIGUSR1);
}
static void c_sigwaitinfo(void) { siginfo_t *info = cold(); raise(SIGUSR1); CHECK(sigwaitinfo(&user, info) == SIGUSR1 && info->si_signo == SIGUSR1 && info->si_pid == getpid()); }
static void c_sigtimedwait(void)
{
    struct timespec second = {1, 0};
    siginfo_t *info = cold();
    raise(SIGUSR1);
    CHECK(sigtimedwait(&user, info, &second) == SIGUSR1 && info->si_signo == SIGUSR1);
}
static void c_sigwait(void) { int *got = cold(); raise(SIGUSR1); CHECK(sigwait(&user, got) == 0 && *got == SIGUSR1); }
static void c_signal_state(void)
{
    sigset_t *set = cold();
    struct sigaction *old = cold();
    raise(SIGUSR1);
    CHECK(sigpending(set) == 0 && sigismember(set, SIGUSR1) == 1);
    set = cold();
    CHECK(sigprocmask(SIG_BLOCK, NULL, set) == 0 && sigismember(set, SIGUSR1) == 1 && sigismember(set, SIGHUP) == 0);
    CHECK(sigaction(SIGUSR1, NULL, old) == 0 && old->sa_handler == SIG_DFL);
    CHECK(sigwaitinfo(&user, NULL) == SIGUSR1);
}
static pid_t child(void)
{
    pid_t pid = vfork();
    if (pid == 0) _exit(9);
    return pid;
}
static void c_waitpid(void) { int *status = cold(); pid_t pid = child(); CHECK(waitpid(pid, status, 0) == pid && *status == 9 << 8); }
static void c_waitid(void)
{
    siginfo_t *info = cold();
    pid_t pid = child();
    CHECK(waitid(P_PID, (id_t)pid, info, WEXITED) == 0 && info->si_pid == pid && info->si_status == 9);
}
static void c_wait4(void)
{
    int *status = cold();
    struct rusage *usage = cold();
    pid_t pid = child();
    CHECK(wait4(pid, status, 0, usage) == pid && *status == 9 << 8 && usage->ru_stime.tv_sec == 0);
}
static void c_mq_receive(void)
{
    char *b = cold();
    unsigned *priority = cold();
    CHECK(mq_send(queue, "message", 8, 5) == 0 && mq_receive(queue, b, 64, priority) == 8 && strcmp(b, "message") == 0 && *priority == 5);
}
static void c_msgrcv(void)
{
    struct { long type; char text[20]; } message = {3, "message"}, *b = cold();
    CHECK(msgsnd(messages, &message, 20, 0) == 0 && msgrcv(messages, b, 20, 0, 0) == 20 && b->type == 3 && strcmp(b->text, "message") == 0);
}
static void c_inotify(void)
{
    struct inotify_event *b = cold();
    close(open("watched", O_WRONLY | O_CREAT, 0600));
    CHECK(read(inotify, b, 4096) > 0 && (b->mask & IN_CREATE) && strcmp(b->name, "watched") == 0);
    unlink("watched");
}
static void c_poll(void)
{
    struct pollfd *p = cold();
    p[0] = (struct pollfd){.fd = event, .events = POLLOUT}, p[1] = (struct pollfd){.fd = event, .events = POLLIN};
    CHECK(poll(p, 2, 1000) == 1 && p[0].revents == POLLOUT && p[1].revents == 0);
}
static void c_select(void)
{
    fd_set *set = cold();
    struct timeval *t = cold();
    FD_ZERO(set);
    FD_SET(event, set);
    *t = (struct timeval){1, 0};
    CHECK(select(64, NULL, set, NULL, t) == 1 && FD_ISSET(event, set));
}
static void c_epoll(void)
{
    struct epoll_event *e = cold();
    CHECK(epoll_wait(epoll, e, 8, 1000) == 1 && e->data.u64 == 0x1234567812345678);
}
static void c_pipe(void)
{
    int *ends = cold();
    CHECK(pipe(ends) == 0 && ends[0] > 2 && ends[1] > ends[0]);
    close(ends[0]), close(ends[1]);
    ends = cold();
    CHECK(pipe2(ends, O_CLOEXEC) == 0 && ends[1] > ends[0]);
    close(ends[0]), close(ends[1]);
}
static void c_timer_create(void)
{
    timer_t *id = cold();
    struct itimerspec *left = cold();
    struct sigevent none = {.sigev_notify = SIGEV_NONE};
    CHECK(timer_create(CLOCK_REALTIME, &none, id) == 0 && timer_gettime(*id, left) == 0 && left->it_value.tv_sec == 0 && timer_delete(*id) == 0);
}
static void *same(void *arg) { return arg; }
static void c_pthread_create(void)
{
    pthread_t *thread = cold();
    void **result = cold();
    CHECK(pthread_create(thread, NULL, same, &event) == 0 && pthread_join(*thread, result) == 0 && *result == &event);
}

static const struct cold_call calls[] = {
    COLD(eventfd), COLD(timerfd), COLD(signalfd), COLD(sigwaitinfo), COLD(sigtimedwait), COLD(sigwait), COLD(signal_state),
    COLD(waitpid), COLD(waitid), COLD(wait4), COLD(mq_receive), COLD(msgrcv), COLD(inotify), COLD(poll), COLD(select), COLD(epoll),
    COLD(pipe), COLD(timer_create), COLD(pthread_create),
};

int main(void)
{
    char name[40];
    struct mq_attr attributes = {.mq_maxmsg = 2, .mq_msgsize = 64};
    struct epoll_event writable = {.events = EPOLLOUT, .data.u64 = 0x1234567812345678};
    sigemptyset(&user);
    sigaddset(&user, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &user, NULL);
    event = eventfd(0, 0), timer = timerfd_create(CLOCK_MONOTONIC, 0), signals = signalfd(-1, &user, 0);
    inotify = inotify_init(), messages = msgget(IPC_PRIVATE, 0600), epoll = epoll_create1(0);
    CHECK(inotify_add_watch(inotify, ".", IN_CREATE) > 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, event, &writable) == 0);
    snprintf(name, sizeof name, "/gcpre-%d", getpid());
    queue = mq_open(name, O_RDWR | O_CREAT, 0600, &attributes);
    CHECK(queue != (mqd_t)-1 && mq_unlink(name) == 0);
    cold_run(calls, COUNT(calls));
    msgctl(messages, IPC_RMID, NULL);
}
