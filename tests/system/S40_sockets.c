// Sockets: whatever the kernel writes into cold heap memory arrives, data, addresses, control data and lengths alike.
#include "cold.h"
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

static int stream[2], datagram[2], listener;
static struct sockaddr_un listener_address;
static socklen_t listener_length = sizeof listener_address;

static void say(const int *ends) { CHECK(send(ends[1], "a message", 10, 0) == 10); }
static void heard(const void *buffer) { CHECK(memcmp(buffer, "a message", 10) == 0, "got \"%.10s\"", (const char *)buffer); }

static void c_read_stream(void) { char *b = cold(); say(stream); CHECK(read(stream[0], b, 10) == 10); heard(b); }
static void c_read_datagram(void) { char *b = cold(); say(datagram); CHECK(read(datagram[0], b, 100) == 10); heard(b); }
static void c_recv(void) { char *b = cold(); say(datagram); CHECK(recv(datagram[0], b, 100, 0) == 10); heard(b); }
static void c_readv(void)
{
    char *b = cold(), *c = cold();
    struct iovec parts[] = {{b, 4}, {c, 6}};
    say(datagram);
    CHECK(readv(datagram[0], parts, 2) == 10 && memcmp(b, "a me", 4) == 0 && memcmp(c, "ssage", 6) == 0);
}
static void c_recvmsg(void)
{
    char *data = cold(), *control = cold();
    struct msghdr *header = cold();
    struct iovec *part = cold();
    *part = (struct iovec){data, 100};
    *header = (struct msghdr){.msg_iov = part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = 512};
    say(datagram);
    CHECK(recvmsg(datagram[0], header, 0) == 10);
    heard(data);
    CHECK(header->msg_controllen >= CMSG_LEN(sizeof(struct ucred)) && header->msg_controllen < 512);
    CHECK(CMSG_FIRSTHDR(header)->cmsg_type == SCM_CREDENTIALS && ((struct ucred *)CMSG_DATA(CMSG_FIRSTHDR(header)))->pid == getpid());
}
static void c_recvmmsg(void)
{
    struct mmsghdr *headers = cold();
    struct iovec parts[2] = {{cold(), 100}, {cold(), 100}};
    memset(headers, 0, 2 * sizeof *headers);
    for (int i = 0; i < 2; i++) headers[i].msg_hdr.msg_iov = &parts[i], headers[i].msg_hdr.msg_iovlen = 1, say(datagram);
    CHECK(recvmmsg(datagram[0], headers, 2, 0, NULL) == 2 && headers[0].msg_len == 10 && headers[1].msg_len == 10);
    heard(parts[0].iov_base), heard(parts[1].iov_base);
}

static int udp(struct sockaddr_in *address)
{
    socklen_t length = sizeof *address;
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK(bind(s, (struct sockaddr *)address, length) == 0 && getsockname(s, (struct sockaddr *)address, &length) == 0);
    return s;
}
static void udp_to(char *data, struct sockaddr_in *from, socklen_t *length)
{
    static int receiver = -1, sender;
    static struct sockaddr_in to, mine;
    if (receiver < 0) receiver = udp(&to), sender = udp(&mine);
    CHECK(sendto(sender, "a message", 10, 0, (struct sockaddr *)&to, sizeof to) == 10);
    *length = sizeof *from;
    CHECK(recvfrom(receiver, data, 100, 0, (struct sockaddr *)from, length) == 10);
    heard(data);
    CHECK(*length == sizeof *from && from->sin_port == mine.sin_port, "the sender's address");
}
static void c_udp_data(void) { struct sockaddr_in from; socklen_t length; udp_to(cold(), &from, &length); }
static void c_udp_address(void) { char data[100]; socklen_t length; udp_to(data, cold(), &length); }
static void c_udp_all(void) { socklen_t *length = cold(); udp_to(cold(), cold(), length); }

static void c_accept(void)
{
    struct sockaddr_un *address = cold();
    socklen_t *length = cold(), mine = sizeof(struct sockaddr_un);
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un any = {.sun_family = AF_UNIX};
    CHECK(bind(client, (struct sockaddr *)&any, sizeof(sa_family_t)) == 0 && getsockname(client, (struct sockaddr *)&any, &mine) == 0);
    CHECK(connect(client, (struct sockaddr *)&listener_address, listener_length) == 0);
    *length = sizeof *address;
    int server = accept(listener, (struct sockaddr *)address, length);
    CHECK(server >= 0 && *length == mine && memcmp(address, &any, mine) == 0, "the client's address");
    address = cold(), length = cold();
    *length = sizeof *address;
    CHECK(getpeername(server, (struct sockaddr *)address, length) == 0 && *length == mine && memcmp(address, &any, mine) == 0);
    close(server), close(client);
}
static void c_getsockopt(void)
{
    int *value = cold();
    socklen_t *length = cold();
    *length = sizeof *value;
    CHECK(getsockopt(stream[0], SOL_SOCKET, SO_TYPE, value, length) == 0 && *value == SOCK_STREAM && *length == sizeof *value);
}
static void c_getsockname(void)
{
    struct sockaddr_un *address = cold();
    socklen_t length = sizeof *address;
    CHECK(getsockname(listener, (struct sockaddr *)address, &length) == 0 && memcmp(address, &listener_address, length) == 0);
}
static void c_socketpair(void)
{
    int *ends = cold();
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && ends[0] > 2 && ends[1] > ends[0]);
    close(ends[0]), close(ends[1]);
}

static const struct cold_call calls[] = {
    COLD(read_stream), COLD(read_datagram), COLD(recv), COLD(readv), COLD(recvmsg), COLD(recvmmsg), COLD(udp_data),
    COLD(udp_address), COLD(udp_all), COLD(accept), COLD(getsockopt), COLD(getsockname), COLD(socketpair),
};

int main(void)
{
    int yes = 1;
    struct sockaddr_un any = {.sun_family = AF_UNIX};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, stream) == 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, datagram) == 0);
    CHECK(setsockopt(datagram[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) == 0);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(listener, (struct sockaddr *)&any, sizeof(sa_family_t)) == 0 && listen(listener, 8) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&listener_address, &listener_length) == 0);
    cold_run(calls, COUNT(calls));
}
