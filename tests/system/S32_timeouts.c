// Every call with a timeout, in a thread of its own, under constant collecting: no EINTR, and the timeout keeps its length
// (never shorter; not longer than 50 ms too much in the best of several attempts).
// libs: -lrt
// allow-stderr: ^gcpre.*io_uring or kernel AIO
#include "check.h"
#include <aio.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <threads.h>

#define MAYBE_UNUSED __attribute__((unused))
enum { LENGTH_MS = 150, GRACE_MS = 50, ATTEMPTS = 20 };
static const struct timespec relative = {0, LENGTH_MS * 1000000L};
static const struct timeval relative_us = {0, LENGTH_MS * 1000L};
static int pipe_ends[2], epoll, semaphores, sockets[2], full[2], listener, backlogged;
static mqd_t queue;
static sem_t semaphore;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, held_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sigset_t some_signal;

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct timespec from_now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_nsec += relative.tv_nsec;
    return (struct timespec){t.tv_sec + t.tv_nsec / 1000000000, t.tv_nsec % 1000000000};
}

/* Each returns true if the call ended as a timeout should. */
static bool fails(long result, int error) { return result == -1 && errno == error; }
static struct pollfd *nothing_to_poll(void)
{
    static __thread struct pollfd p;
    p = (struct pollfd){.fd = pipe_ends[0], .events = POLLIN};
    return &p;
}
static struct epoll_event *event(void) { static __thread struct epoll_event e; return &e; }
static bool t_poll(void) { return poll(nothing_to_poll(), 1, LENGTH_MS) == 0; }
static bool t_ppoll(void) { return ppoll(nothing_to_poll(), 1, &relative, NULL) == 0; }
static bool t_select(void) { struct timeval t = relative_us; return select(0, NULL, NULL, NULL, &t) == 0; }
static bool t_pselect(void) { return pselect(0, NULL, NULL, NULL, &relative, NULL) == 0; }
static bool t_epoll_wait(void) { return epoll_wait(epoll, event(), 1, LENGTH_MS) == 0; }
static bool t_epoll_pwait(void) { return epoll_pwait(epoll, event(), 1, LENGTH_MS, NULL) == 0; }
static bool t_epoll_pwait2(void) { return epoll_pwait2(epoll, event(), 1, &relative, NULL) == 0; }
static bool t_nanosleep(void) { return nanosleep(&relative, NULL) == 0; }
static bool t_clock_nanosleep(void) { return clock_nanosleep(CLOCK_MONOTONIC, 0, &relative, NULL) == 0; }
static bool t_clock_nanosleep_absolute(void) { struct timespec t = from_now(CLOCK_MONOTONIC); return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == 0; }
static bool t_usleep(void) { return usleep(LENGTH_MS * 1000) == 0; }
static bool t_thrd_sleep(void) { return thrd_sleep(&relative, NULL) == 0; }
static bool t_sigtimedwait(void) { return fails(sigtimedwait(&some_signal, NULL, &relative), EAGAIN); }
static bool t_semtimedop(void) { struct sembuf op = {0, -1, 0}; return fails(semtimedop(semaphores, &op, 1, &relative), EAGAIN); }
static bool t_sem_timedwait(void) { struct timespec t = from_now(CLOCK_REALTIME); return fails(sem_timedwait(&semaphore, &t), ETIMEDOUT); }
static bool t_sem_clockwait(void) { struct timespec t = from_now(CLOCK_MONOTONIC); return fails(sem_clockwait(&semaphore, CLOCK_MONOTONIC, &t), ETIMEDOUT); }
static bool t_mutex_timedlock(void) { struct timespec t = from_now(CLOCK_REALTIME); return pthread_mutex_timedlock(&held_mutex, &t) == ETIMEDOUT; }
static bool t_cond_timedwait(void)
{
    struct timespec t = from_now(CLOCK_REALTIME);
    pthread_mutex_lock(&mutex);
    int error;
    while ((error = pthread_cond_timedwait(&condition, &mutex, &t)) == 0) {}
    pthread_mutex_unlock(&mutex);
    return error == ETIMEDOUT;
}
static bool t_futex(void) { int word = 0; return fails(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &relative, NULL, 0), ETIMEDOUT); }
MAYBE_UNUSED static bool t_recv(void) { char c; return fails(recv(sockets[0], &c, 1, 0), EAGAIN); }
MAYBE_UNUSED static bool t_read(void) { char c; return fails(read(sockets[1], &c, 1), EAGAIN); }
MAYBE_UNUSED static bool t_send(void) { return fails(send(full[0], "", 1, 0), EAGAIN); }
MAYBE_UNUSED static bool t_accept(void) { return fails(accept(listener, NULL, NULL), EAGAIN); }
MAYBE_UNUSED static bool t_connect(void)
{
    struct sockaddr_un address;
    socklen_t length = sizeof address;
    getsockname(backlogged, (struct sockaddr *)&address, &length);
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &relative_us, sizeof relative_us);
    bool right = fails(connect(s, (struct sockaddr *)&address, length), EAGAIN);
    close(s);
    return right;
}
static bool t_mq_timedreceive(void) { char text[8]; struct timespec t = from_now(CLOCK_REALTIME); return fails(mq_timedreceive(queue, text, 8, NULL, &t), ETIMEDOUT); }
static bool t_io_getevents(void)
{
    static aio_context_t context;
    struct io_event e;
    struct timespec t = relative;
    if (!context && syscall(SYS_io_setup, 4, &context) != 0) return usleep(LENGTH_MS * 1000) == 0;
    return syscall(SYS_io_getevents, context, 1, 1, &e, &t) == 0;
}

#define CALL(name) {#name, t_##name}
static const struct {
    const char *name;
    bool (*call)(void);
} calls[] = {
    CALL(poll), CALL(ppoll), CALL(select), CALL(pselect), CALL(epoll_wait), CALL(epoll_pwait), CALL(epoll_pwait2), CALL(nanosleep),
    CALL(clock_nanosleep), CALL(clock_nanosleep_absolute), CALL(usleep), CALL(thrd_sleep), CALL(sigtimedwait), CALL(semtimedop),
    CALL(sem_timedwait), CALL(sem_clockwait), CALL(mutex_timedlock), CALL(cond_timedwait), CALL(futex), CALL(mq_timedreceive),
    CALL(io_getevents),
#ifdef SOCKETS
    CALL(recv), CALL(read), CALL(send), CALL(accept), CALL(connect),
#endif
};

static void *body(void *index)
{
    size_t i = (size_t)index;
    long best = 1 << 30;
    for (int attempt = 0; attempt < ATTEMPTS && best > LENGTH_MS + GRACE_MS; attempt++) {
        long begin = now_ms();
        errno = 0;
        CHECK(calls[i].call(), "%s did not end as a timeout", calls[i].name);
        long length = now_ms() - begin;
        CHECK(length >= LENGTH_MS - 5, "%s returned %ld ms too early", calls[i].name, LENGTH_MS - length);
        if (length < best) best = length;
    }
    CHECK(best <= LENGTH_MS + GRACE_MS, "%s took %ld ms at best", calls[i].name, best);
    return NULL;
}

static void prepare(void)
{
    struct sockaddr_un any = {.sun_family = AF_UNIX};
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 8};
    char name[40], junk[4096] = "";
    CHECK(pipe(pipe_ends) == 0);
    epoll = epoll_create1(0);
    semaphores = semget(IPC_PRIVATE, 1, 0600);
    CHECK(semaphores >= 0);
    snprintf(name, sizeof name, "/gcpre-%d", getpid());
    queue = mq_open(name, O_RDWR | O_CREAT, 0600, &attributes);
    CHECK(queue != (mqd_t)-1 && mq_unlink(name) == 0);
    sem_init(&semaphore, 0, 0);
    pthread_mutex_lock(&held_mutex);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, full) == 0);
    for (int i = 0; i < 2; i++) setsockopt(sockets[i], SOL_SOCKET, SO_RCVTIMEO, &relative_us, sizeof relative_us);
    while (send(full[0], junk, sizeof junk, MSG_DONTWAIT) > 0) {}
    setsockopt(full[0], SOL_SOCKET, SO_SNDTIMEO, &relative_us, sizeof relative_us);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(listener, (struct sockaddr *)&any, sizeof(sa_family_t)) == 0 && listen(listener, 1) == 0);
    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &relative_us, sizeof relative_us);
    backlogged = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(backlogged, (struct sockaddr *)&any, sizeof(sa_family_t)) == 0 && listen(backlogged, 0) == 0);
    struct sockaddr_un address;
    socklen_t length = sizeof address;
    getsockname(backlogged, (struct sockaddr *)&address, &length);
    CHECK(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, length) == 0);
    sigemptyset(&some_signal);
    sigaddset(&some_signal, SIGRTMIN + 5);
    pthread_sigmask(SIG_BLOCK, &some_signal, NULL);
}

int main(void)
{
    pthread_t threads[COUNT(calls)];
    prepare();
    collector_start();
    for (size_t i = 0; i < COUNT(calls); i++) threads[i] = start(body, (void *)i);
    for (size_t i = 0; i < COUNT(calls); i++) join(threads[i]);
    collector_stop();
    semctl(semaphores, 0, IPC_RMID);
}
