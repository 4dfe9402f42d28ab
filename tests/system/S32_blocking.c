// Every call that blocks without a timeout, each in its thread: dozens of cycles do not end it, its event does.
// libs: -lrt
#include "check.h"
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static int semaphores, messages, full_messages, events[8], sockets[2], listener, word, lock_ends[2];
static mqd_t queue;
static sem_t semaphore;
static pthread_barrier_t barrier;
static sigset_t waited;
static __thread int handled;
static void on_user(int signal) { handled += signal != 0; }

/* Each waits for ever and returns true if it ended by its own event. */
static bool readable(size_t which) { uint64_t n; return read(events[which], &n, 8) == 8; }
static struct pollfd watch(size_t which) { return (struct pollfd){.fd = events[which], .events = POLLIN}; }
static fd_set set_of(size_t which) { fd_set set; FD_ZERO(&set); FD_SET(events[which], &set); return set; }
static int epoll_of(size_t which)
{
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, events[which], &event) == 0);
    return epoll;
}
static bool b_pause(void) { return pause() == -1 && errno == EINTR && handled == 1; }
static bool b_sigsuspend(void) { sigset_t none; sigemptyset(&none); return sigsuspend(&none) == -1 && errno == EINTR && handled == 1; }
static bool b_sigwaitinfo(void) { return sigwaitinfo(&waited, NULL) == SIGRTMIN; }
static bool b_sigtimedwait(void) { return sigtimedwait(&waited, NULL, NULL) == SIGRTMIN; }
static bool b_sigwait(void) { int got; return sigwait(&waited, &got) == 0 && got == SIGRTMIN; }
static bool b_poll(void) { struct pollfd p = watch(0); return poll(&p, 1, -1) == 1; }
static bool b_ppoll(void) { struct pollfd p = watch(1); return ppoll(&p, 1, NULL, NULL) == 1; }
static bool b_select(void) { fd_set set = set_of(2); return select(64, &set, NULL, NULL, NULL) == 1; }
static bool b_pselect(void) { fd_set set = set_of(3); return pselect(64, &set, NULL, NULL, NULL, NULL) == 1; }
static bool b_epoll_wait(void) { struct epoll_event e; return epoll_wait(epoll_of(4), &e, 1, -1) == 1; }
static bool b_epoll_pwait(void) { struct epoll_event e; return epoll_pwait(epoll_of(5), &e, 1, -1, NULL) == 1; }
static bool b_epoll_pwait2(void) { struct epoll_event e; return epoll_pwait2(epoll_of(6), &e, 1, NULL, NULL) == 1; }
static bool b_read(void) { return readable(7); }
static bool b_semop(void) { struct sembuf op = {0, -1, 0}; return semop(semaphores, &op, 1) == 0; }
static bool b_msgrcv(void) { struct { long type; char c[8]; } m; return msgrcv(messages, &m, 8, 0, 0) == 1; }
static bool b_msgsnd(void) { struct { long type; char c[4096]; } m = {1, ""}; return msgsnd(full_messages, &m, 4096, 0) == 0; }
static bool b_mq_receive(void) { char text[8]; return mq_receive(queue, text, 8, NULL) == 1; }
static bool b_sem_wait(void) { return sem_wait(&semaphore) == 0; }
static bool b_futex(void) { return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) == 0 || errno == EAGAIN; }
static bool b_recv(void) { char c; return recv(sockets[0], &c, 1, 0) == 1; }
static bool b_accept(void) { return accept(listener, NULL, NULL) >= 0; }
static bool b_barrier(void) { return pthread_barrier_wait(&barrier) <= 0; }
static bool b_flock(void) { int fd = open("lock", O_RDWR); return flock(fd, LOCK_EX) == 0; }
static bool b_open_fifo(void) { return open("fifo", O_RDONLY) >= 0; }
static bool b_waitpid(void)
{
    pid_t child = fork();
    if (child == 0) {
        char c;
        close(lock_ends[1]);
        CHECK(read(lock_ends[0], &c, 1) == 0);
        _exit(3);
    }
    int status;
    return waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3;
}

static void nothing(pthread_t thread) { (void)thread; }
static void wake_by_user(pthread_t thread) { pthread_kill(thread, SIGUSR1); }
static void wake_by_real_time(pthread_t thread) { pthread_kill(thread, SIGRTMIN); }
static void wake_semop(pthread_t thread) { struct sembuf op = {0, 1, 0}; CHECK(semop(semaphores, &op, 1) == 0, "%lu", thread); }
static void wake_msgrcv(pthread_t thread) { struct { long type; char c; } m = {1, 'x'}; CHECK(msgsnd(messages, &m, 1, 0) == 0, "%lu", thread); }
static void wake_msgsnd(pthread_t thread) { static struct { long type; char c[4096]; } m; CHECK(msgrcv(full_messages, &m, 4096, 0, 0) >= 0, "%lu", thread); }
static void wake_mq(pthread_t thread) { CHECK(mq_send(queue, "x", 1, 0) == 0, "%lu", thread); }
static void wake_sem(pthread_t thread) { CHECK(sem_post(&semaphore) == 0, "%lu", thread); }
static void wake_futex(pthread_t thread)
{
    SET(word, 1);
    CHECK(syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) >= 0, "%lu", thread);
}
static void wake_recv(pthread_t thread) { CHECK(send(sockets[1], "", 1, 0) == 1, "%lu", thread); }
static void wake_accept(pthread_t thread)
{
    struct sockaddr_un address;
    socklen_t length = sizeof address;
    getsockname(listener, (struct sockaddr *)&address, &length);
    CHECK(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, length) == 0, "%lu", thread);
}
static void wake_barrier(pthread_t thread) { CHECK(pthread_barrier_wait(&barrier) <= 0, "%lu", thread); }
static int lock_file;
static void wake_flock(pthread_t thread) { CHECK(flock(lock_file, LOCK_UN) == 0, "%lu", thread); }
static void wake_fifo(pthread_t thread) { CHECK(open("fifo", O_WRONLY) >= 0, "%lu", thread); }
static void wake_child(pthread_t thread) { CHECK(close(lock_ends[1]) == 0, "%lu", thread); }
static void wake_events(pthread_t thread)
{
    (void)thread;
    for (size_t i = 0; i < COUNT(events); i++) CHECK(eventfd_write(events[i], 1) == 0);
}

#define CALL(name, wake) {#name, b_##name, wake}
static const struct {
    const char *name;
    bool (*call)(void);
    void (*wake)(pthread_t);
} calls[] = {
    CALL(pause, wake_by_user), CALL(sigsuspend, wake_by_user), CALL(sigwaitinfo, wake_by_real_time), CALL(sigtimedwait, wake_by_real_time),
    CALL(sigwait, wake_by_real_time), CALL(poll, wake_events), CALL(ppoll, nothing), CALL(select, nothing), CALL(pselect, nothing),
    CALL(epoll_wait, nothing), CALL(epoll_pwait, nothing), CALL(epoll_pwait2, nothing), CALL(read, nothing), CALL(semop, wake_semop),
    CALL(msgrcv, wake_msgrcv), CALL(msgsnd, wake_msgsnd), CALL(mq_receive, wake_mq), CALL(sem_wait, wake_sem), CALL(futex, wake_futex),
    CALL(recv, wake_recv), CALL(accept, wake_accept), CALL(barrier, wake_barrier), CALL(flock, wake_flock), CALL(open_fifo, wake_fifo),
    CALL(waitpid, wake_child),
};
static int state[COUNT(calls)];  // 1: about to call, 2: returned
static bool woken[COUNT(calls)];

static void *body(void *index)
{
    size_t i = (size_t)index;
    SET(state[i], 1);
    errno = 0;
    bool right = calls[i].call();
    CHECK(GET(woken[i]), "%s returned before its event", calls[i].name);
    CHECK(right, "%s ended wrongly", calls[i].name);
    SET(state[i], 2);
    return NULL;
}

static void prepare(void)
{
    struct sockaddr_un any = {.sun_family = AF_UNIX};
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 8};
    struct sigaction action = {.sa_handler = on_user};
    static struct { long type; char c[4096]; } message = {1, ""};
    char name[40];
    sigaction(SIGUSR1, &action, NULL);
    sigemptyset(&waited);
    sigaddset(&waited, SIGRTMIN);
    pthread_sigmask(SIG_BLOCK, &waited, NULL);
    for (size_t i = 0; i < COUNT(events); i++) events[i] = eventfd(0, 0);
    semaphores = semget(IPC_PRIVATE, 1, 0600);
    messages = msgget(IPC_PRIVATE, 0600), full_messages = msgget(IPC_PRIVATE, 0600);
    while (msgsnd(full_messages, &message, 4096, IPC_NOWAIT) == 0) {}
    snprintf(name, sizeof name, "/gcpre-%d", getpid());
    queue = mq_open(name, O_RDWR | O_CREAT, 0600, &attributes);
    CHECK(queue != (mqd_t)-1 && mq_unlink(name) == 0);
    sem_init(&semaphore, 0, 0);
    pthread_barrier_init(&barrier, NULL, 2);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0 && pipe(lock_ends) == 0);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(listener, (struct sockaddr *)&any, sizeof(sa_family_t)) == 0 && listen(listener, 1) == 0);
    lock_file = open("lock", O_RDWR | O_CREAT, 0600);
    CHECK(flock(lock_file, LOCK_EX) == 0 && mkfifo("fifo", 0600) == 0);
}

int main(void)
{
    pthread_t threads[COUNT(calls)];
    prepare();
    for (size_t i = 0; i < COUNT(calls); i++) threads[i] = start(body, (void *)i);
    for (size_t i = 0; i < COUNT(calls); i++) WAIT_UNTIL(GET(state[i]) == 1);
    collector_start();
    wait_for_cycles(30);
    for (size_t i = 0; i < COUNT(calls); i++) CHECK(GET(state[i]) == 1, "%s returned before its event", calls[i].name);
    for (size_t i = 0; i < COUNT(calls); i++) SET(woken[i], true);
    for (size_t i = 0; i < COUNT(calls); i++) calls[i].wake(threads[i]);
    for (size_t i = 0; i < COUNT(calls); i++) WAIT_UNTIL(GET(state[i]) == 2);
    for (size_t i = 0; i < COUNT(calls); i++) join(threads[i]);
    collector_stop();
    semctl(semaphores, 0, IPC_RMID), msgctl(messages, IPC_RMID, NULL), msgctl(full_messages, IPC_RMID, NULL);
}
