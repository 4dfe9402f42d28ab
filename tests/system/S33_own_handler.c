// The program has its own SIGURG handler: it gets every real one (raise, kill, queue, thread, out-of-band data), once,
// with its siginfo, its mask and its context; and none of ours.
#include "check.h"
#include <arpa/inet.h>
#include <sys/socket.h>

static int handled, last_code, last_value;

static void on_urgent(int signal, siginfo_t *info, void *context)
{
    sigset_t now;
    CHECK(signal == SIGURG && info->si_signo == SIGURG && context != NULL);
    sigprocmask(SIG_BLOCK, NULL, &now);
    CHECK(sigismember(&now, SIGUSR2) == 1 && sigismember(&now, SIGURG) == 1, "the handler's mask");
    last_code = info->si_code;
    last_value = info->si_code == SI_QUEUE ? info->si_value.sival_int : 0;
    ADD(handled, 1);
}

static int urgent_socket(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), sender = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 1) != 0) return -1;
    CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0 && connect(sender, (struct sockaddr *)&address, length) == 0);
    int receiver = accept(listener, NULL, NULL);
    CHECK(receiver >= 0 && fcntl(receiver, F_SETOWN, getpid()) == 0);
    return sender;
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_urgent, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaddset(&action.sa_mask, SIGUSR2);
    CHECK(sigaction(SIGURG, &action, NULL) == 0);
    herd_lose(&lost, 1000, RARE_SIZE);
    drop_and_collect();
    herd_check_gone(&lost);
    collector_start();
    wait_for_cycles(20);
    CHECK(GET(handled) == 0, "the program's handler got %d of our signals", handled);
    int sender = urgent_socket(), expected = 0;
    for (int round = 0; round < 100; round++) {
        expected++;
        union sigval value = {.sival_int = round};
        if (round % 5 == 0) raise(SIGURG);
        if (round % 5 == 1) kill(getpid(), SIGURG);
        if (round % 5 == 2) sigqueue(getpid(), SIGURG, value);
        if (round % 5 == 3) pthread_kill(collector.thread, SIGURG);
        if (round % 5 == 4 && (sender < 0 || send(sender, "!", 1, MSG_OOB) != 1)) raise(SIGURG);
        WAIT_UNTIL(GET(handled) >= expected);
        if (round % 5 == 2) CHECK(last_code == SI_QUEUE && last_value == round, "the queued value is lost");
        if (round % 5 == 1) CHECK(last_code == SI_USER, "code %d", last_code);
    }
    wait_for_cycles(3);
    collector_stop();
    CHECK(handled == expected, "%d handled, %d sent", handled, expected);
}
