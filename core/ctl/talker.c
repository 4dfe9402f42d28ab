#include "ctl/talker.h"

#include "base/bits.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/meta.h"
#include "ctl/endpoint.h"
#include "gc/collector.h"
#include "gc/workers.h"
#include "leak/site.h"
#include "sys/syscall.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

enum { CLIENTS_MOST = 6, PROTOCOL = 1 };
#define SECOND_NS UINT64_C(1000000000)
#define QUIET_NS  (600 * SECOND_NS) // between requests
#define EVICT_NS  (10 * SECOND_NS)  // the same, when somebody else wants the place
#define STALL_NS  (30 * SECOND_NS)  // in the middle of a request, or of reading an answer

enum state { FREE, GREETED, WAITING, ASKED, ANSWERING };

static struct client {
    enum state state;
    int fd;            // -1: it went away while its request was under way
    uint64_t since_ns; // when something came or went last
    size_t in_bytes;
    char in[REQUEST_LINE_MOST];
    struct answer out;
    size_t sent;
    struct told told;
} clients[CLIENTS_MOST];

struct mailbox mailbox;

static int listening = -1, wake = -1;
static _Atomic bool leaving;
static uint64_t now_ns, deaf_until_ns; // no client can be accepted until then (no descriptors are left)

// --- one client -------------------------------------------------------------------------------------------------

static void forget(struct client *c)
{
    answer_free(&c->out);
    if (c->told.sites)
        meta_unmap(c->told.sites, SITES_MAX / 8);
    *c = (struct client){.state = FREE, .fd = -1};
}

// While the collector has its request the place is kept (mailbox.h, M2).
static void hang_up(struct client *c)
{
    if (c->fd >= 0)
        sys_close(c->fd);
    c->fd = -1;
    if (c->state != ASKED)
        forget(c);
}

static ssize_t send_some(int fd, const char *text, size_t bytes)
{
    return sys_call(SYS_sendto, fd, (long)text, (long)bytes, MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0);
}

// The last words to a client, as many as fit.
static void refuse(int fd, const char *message)
{
    char line[256];
    size_t bytes = format_text(line, sizeof line, "{\"type\":\"error\",\"message\":\"%s\"}\n", message);
    send_some(fd, line, min_size(bytes, sizeof line - 1));
}

static void write_answer(struct client *c)
{
    while (c->sent < c->out.bytes) {
        ssize_t sent = send_some(c->fd, c->out.text + c->sent, c->out.bytes - c->sent);
        if (sent == -EINTR)
            continue;
        if (sent == -EAGAIN)
            return;
        if (sent <= 0) {
            hang_up(c);
            return;
        }
        c->sent += (size_t)sent;
        c->since_ns = now_ns;
    }
    answer_free(&c->out);
    c->sent = 0;
    c->state = GREETED;
}

// A whole line is here: it waits for the slot.
static void look_for_line(struct client *c)
{
    if (c->state == GREETED && memchr(c->in, '\n', c->in_bytes)) {
        c->state = WAITING;
    } else if (c->state == GREETED && c->in_bytes == sizeof c->in) {
        refuse(c->fd, "a request is one line of at most 4096 bytes");
        hang_up(c);
    }
}

static void read_request(struct client *c)
{
    ssize_t got = sys_call(SYS_recvfrom, c->fd, (long)(c->in + c->in_bytes),
                           (long)(sizeof c->in - c->in_bytes), MSG_DONTWAIT, 0, 0);
    if (got == -EINTR || got == -EAGAIN)
        return;
    if (got <= 0) {
        hang_up(c);
        return;
    }
    c->in_bytes += (size_t)got;
    c->since_ns = now_ns;
    look_for_line(c);
}

static void take_line(struct client *c)
{
    char *end = memchr(c->in, '\n', c->in_bytes);
    size_t bytes = (size_t)(end - c->in), rest = c->in_bytes - bytes - 1;
    mailbox.bytes = bytes && c->in[bytes - 1] == '\r' ? bytes - 1 : bytes;
    memcpy(mailbox.line, c->in, mailbox.bytes);
    memmove(c->in, end + 1, rest);
    c->in_bytes = rest;
}

// --- the mailbox ------------------------------------------------------------------------------------------------

static void take_answer(void)
{
    if (atomic_load(&mailbox.state) != MAILBOX_ANSWERED)
        return;
    for (struct client *c = clients; c < clients + CLIENTS_MOST; c++)
        if (c->state == ASKED) {
            c->out = mailbox.answer;
            c->state = ANSWERING;
            c->since_ns = now_ns;
            if (c->fd < 0)
                forget(c);
            else if (!c->out.text)
                hang_up(c); // no memory to say even that
        }
    mailbox.answer = (struct answer){0};
    atomic_store(&mailbox.state, MAILBOX_EMPTY);
}

// Who waits longest goes first.
static void ask_next(void)
{
    struct client *next = NULL;
    for (struct client *c = clients; c < clients + CLIENTS_MOST; c++)
        if (c->state == WAITING && (!next || c->since_ns < next->since_ns))
            next = c;
    if (!next || atomic_load(&mailbox.state) != MAILBOX_EMPTY)
        return;
    take_line(next);
    next->state = ASKED;
    mailbox.told = &next->told;
    atomic_store(&mailbox.state, MAILBOX_ASKED);
    collector_call();
}

// --- who comes --------------------------------------------------------------------------------------------------

static bool is_welcome(int fd)
{
    struct ucred peer;
    unsigned bytes = sizeof peer;
    long error = sys_call(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, (long)&peer, (long)&bytes, 0);
    return !error && (peer.uid == 0 || peer.uid == (uid_t)sys_call3(SYS_geteuid, 0, 0, 0));
}

// A free place, or that of whoever has been quiet longest.
static struct client *find_place(void)
{
    struct client *quiet = NULL;
    for (struct client *c = clients; c < clients + CLIENTS_MOST; c++) {
        if (c->state == FREE)
            return c;
        if (c->state == GREETED && now_ns - c->since_ns > EVICT_NS &&
            (!quiet || c->since_ns < quiet->since_ns))
            quiet = c;
    }
    if (quiet)
        hang_up(quiet);
    return quiet;
}

static void greet(int fd, struct client *c)
{
    char line[64];
    size_t bytes = format_text(line, sizeof line, "gcpre %d %d\n", PROTOCOL, sys_getpid());
    *c = (struct client){.state = GREETED, .fd = fd, .since_ns = now_ns};
    if (send_some(fd, line, bytes) != (ssize_t)bytes)
        hang_up(c);
}

static void accept_client(void)
{
    int fd = (int)sys_call(SYS_accept4, listening, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC, 0, 0);
    struct client *place = fd < 0 ? NULL : is_welcome(fd) ? find_place() : NULL;
    if (fd < 0 && fd != -EAGAIN && fd != -EINTR)
        deaf_until_ns = now_ns + SECOND_NS;
    if (place) {
        greet(fd, place);
    } else if (fd >= 0) {
        refuse(fd, is_welcome(fd) ? "too many connections: close one" : "this process is another user's");
        sys_close(fd);
    }
}

// --- the loop ---------------------------------------------------------------------------------------------------

static uint64_t patience(const struct client *c)
{
    return c->state == ASKED || c->state == WAITING ? 0
           : c->state == GREETED && !c->in_bytes    ? QUIET_NS
                                                    : STALL_NS;
}

// Milliseconds until somebody's time is over; -1: nobody's.
static int next_deadline(void)
{
    uint64_t first = deaf_until_ns ? deaf_until_ns : UINT64_MAX;
    for (const struct client *c = clients; c < clients + CLIENTS_MOST; c++)
        if (c->state != FREE && patience(c) && c->since_ns + patience(c) < first)
            first = c->since_ns + patience(c);
    return first == UINT64_MAX ? -1 : first <= now_ns ? 0 : (int)((first - now_ns) / 1000000) + 1;
}

static short events_of(const struct client *c)
{
    return c->state == GREETED ? POLLIN : c->state == ANSWERING ? POLLOUT : 0;
}

static void look_after(struct client *c, short events)
{
    if (c->fd < 0)
        return;
    if (c->state == GREETED && events & POLLIN)
        read_request(c);
    else if (c->state == ANSWERING && events & POLLOUT)
        write_answer(c);
    else if (events & (POLLHUP | POLLERR | POLLNVAL))
        hang_up(c);
    if (c->state != FREE && patience(c) && now_ns - c->since_ns > patience(c))
        hang_up(c);
    if (c->state == GREETED)
        look_for_line(c);
}

static void wait_for_events(struct pollfd polls[CLIENTS_MOST + 2])
{
    polls[0] = (struct pollfd){wake, POLLIN, 0};
    polls[1] = (struct pollfd){deaf_until_ns ? -1 : listening, POLLIN, 0};
    for (int i = 0; i < CLIENTS_MOST; i++)
        polls[i + 2] = (struct pollfd){clients[i].state == FREE ? -1 : clients[i].fd, events_of(&clients[i]),
                                       0};
    long found = sys_call3(SYS_poll, (long)polls, CLIENTS_MOST + 2, next_deadline());
    now_ns = clock_ns();
    if (now_ns >= deaf_until_ns)
        deaf_until_ns = 0;
    for (int i = 0; found < 0 && i < CLIENTS_MOST + 2; i++)
        polls[i].revents = 0;
}

static void talk(void)
{
    struct pollfd polls[CLIENTS_MOST + 2];
    uint64_t count;
    now_ns = clock_ns();
    while (!atomic_load(&leaving)) {
        wait_for_events(polls);
        if (polls[0].revents)
            sys_read(wake, &count, sizeof count);
        for (int i = 0; i < CLIENTS_MOST; i++)
            look_after(&clients[i], polls[i + 2].revents);
        take_answer();
        if (polls[1].revents)
            accept_client();
        ask_next();
    }
    endpoint_remove();
    take_answer();
    for (struct client *c = clients; c < clients + CLIENTS_MOST; c++) {
        if (c->state == ASKED) // the collector ends too: it answers no more
            c->state = WAITING;
        hang_up(c);
    }
}

// What is there is of a thread that has ended, or that does not exist in this process: some of it may be half done.
static void start_afresh(void)
{
    for (int i = 0; i < CLIENTS_MOST; i++)
        clients[i] = (struct client){.state = FREE, .fd = -1};
    mailbox.answer = (struct answer){0};
    atomic_store(&mailbox.state, MAILBOX_EMPTY);
    atomic_store(&leaving, false);
}

bool talker_start(int socket)
{
    start_afresh();
    listening = socket;
    wake = (int)sys_call3(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK, 0);
    bool started = wake >= 0 && workers_start_guest(talk) == 0;
    if (!started)
        sys_close(listening);
    return started;
}

void talker_wake(void)
{
    const uint64_t one = 1;
    sys_write(wake, &one, sizeof one);
}

void talker_leave(void)
{
    atomic_store(&leaving, true);
    talker_wake();
}
