/* program: runs a program as its users do, in the current folder, as often as --runs says, and prints the checksum of what it
 * wrote. The words of the command are separated by commas: --command=sort,words.txt. Its errors go to ours. */
#include "bench.h"
#include <spawn.h>
#include <sys/wait.h>

enum { WORDS = 32 };

extern char **environ;

static void split(char *text, char *words[WORDS])
{
    int count = 0;
    for (char *word = strtok(text, ","); word && count < WORDS - 1; word = strtok(NULL, ","))
        words[count++] = word;
    words[count] = NULL;
    if (!count)
        fail("no command");
}

/* Fowler, Noll and Vo's hash, 64 bits, 1a. */
static uint64_t hash_all(int from, uint64_t hash)
{
    static unsigned char bytes[1 << 16];
    ssize_t got;
    while ((got = read(from, bytes, sizeof bytes)) != 0) {
        if (got < 0 && errno != EINTR)
            fail("read: %s", strerror(errno));
        for (ssize_t i = 0; i < got; i++)
            hash = (hash ^ bytes[i]) * 0x100000001b3;
    }
    return hash;
}

static uint64_t run(char *words[], uint64_t hash)
{
    int ends[2], status;
    pid_t pid;
    posix_spawn_file_actions_t actions;
    if (pipe(ends))
        fail("pipe: %s", strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    int error = posix_spawnp(&pid, words[0], &actions, NULL, words, environ);
    if (error)
        fail("%s: %s", words[0], strerror(error));
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    hash = hash_all(ends[0], hash);
    close(ends[0]);
    if (waitpid(pid, &status, 0) != pid || status)
        fail("%s ended with wait status 0x%x", words[0], status);
    return hash;
}

int main(int argc, char **argv)
{
    char *words[WORDS];
    options_begin(argc, argv);
    const char *command = option_text("command", "true", "what to run, with commas between its words");
    long runs = scaled(option("runs", 3, "how often"));
    options_end();
    char text[strlen(command) + 1];
    strcpy(text, command);
    split(text, words);

    uint64_t hash = 0xcbf29ce484222325;
    for (long i = 0; i < runs; i++)
        hash = run(words, hash);
    result_checksum(hash);
}
