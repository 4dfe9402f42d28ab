// What gcpre run is tested with: it loses blocks, says what it sees of its surroundings, and does what its arguments say.
#define _GNU_SOURCE 1
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);
static volatile sig_atomic_t interrupts, terminations, continued;

static void count(int number)
{
    if (number == SIGINT) interrupts++;
    if (number == SIGTERM) terminations++;
    if (number == SIGCONT) continued++;
}

__attribute__((noinline)) static void lose(size_t bytes) { memset(malloc(bytes), 1, bytes); }
__attribute__((noinline)) static void cover(void)
{
    volatile char dead[4000] = {0};
    (void)dead[0];
}

static void in_child(int (*body)(void))
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) exit(body());
    waitpid(child, NULL, 0);
}
static int lose_in_child(void)
{
    lose(50);
    cover();
    return 0;
}

// It has lost something, and a cycle has found that, when this returns.
static void leave_daemon(void)
{
    int ends[2];
    char none;
    if (pipe(ends) != 0) abort();
    if (fork() == 0) {
        setsid();
        lose_in_child();
        if (__lsan_do_recoverable_leak_check) __lsan_do_recoverable_leak_check();
        fclose(stdin), fclose(stdout), fclose(stderr), close(ends[0]), close(ends[1]);
        for (;;) pause();
    }
    close(ends[1]);
    while (read(ends[0], &none, 1) > 0) {}
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        int number = atoi(word + strcspn(word, "=") + (strchr(word, '=') != NULL));
        if (strcmp(word, "lose") == 0) lose(100), cover();
        else if (strcmp(word, "child") == 0) in_child(lose_in_child);
        else if (strcmp(word, "echo") == 0) for (int c; (c = getchar()) != EOF;) putchar(c);
        else if (strcmp(word, "tty") == 0) printf("tty %d %d %d\n", isatty(0), isatty(1), tcgetpgrp(0) == getpgrp());
        else if (strcmp(word, "pipe") == 0) {
            struct sigaction action;
            sigaction(SIGPIPE, NULL, &action);
            printf("pipe %s\n", action.sa_handler == SIG_DFL ? "default" : "ignored");
        } else if (strcmp(word, "catch") == 0) {
            signal(SIGINT, count), signal(SIGTERM, count), signal(SIGCONT, count);
        } else if (strncmp(word, "wait=", 5) == 0) {
            printf("ready\n"), fflush(stdout);
            for (int told = 0, now; told < number; usleep(1000))
                if ((now = interrupts + terminations) != told) printf("signal %d\n", told = now), fflush(stdout);
            usleep(200000);  // should one more come
            printf("interrupts %d terminations %d\n", (int)interrupts, (int)terminations);
        } else if (strcmp(word, "continued") == 0) {
            printf("ready\n"), fflush(stdout);
            while (!continued) usleep(1000);
        } else if (strncmp(word, "kill=", 5) == 0) {
            fflush(stdout);
            kill(getpid(), number);
        } else if (strncmp(word, "status=", 7) == 0) return number;
        else if (strcmp(word, "daemon") == 0) leave_daemon();
    }
    return 0;
}
