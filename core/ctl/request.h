// A request of the control socket: one line of text, taken apart and checked before anything is done.
//
// Q1. A request that was taken has everything in range: a command of commands.def, as many arguments as that wants, names of at most
//     REQUEST_WORD_MOST letters, numbers that fit.
// Q2. Whatever else the bytes are gives one line for people that says what would be right.
// Pure functions.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REQUEST_LINE_MOST = 4096, REQUEST_WORD_MOST = 64, REQUEST_COMPLAINT_BYTES = 256 };

#define COMMAND(name, ...) COMMAND_##name,
enum command {
#include "ctl/commands.def"
    COMMANDS
};
#undef COMMAND

struct request {
    enum command command;
    uint64_t number;                   // ADDRESS, COUNT (0: none was given), the site's of PLACE
    bool is_site;                      // of PLACE: site:N, and no address
    char name[REQUEST_WORD_MOST + 1];  // NAME; the key of SETTING, in lower case
    char value[REQUEST_WORD_MOST + 1]; // of SETTING
};

struct command_help {
    const char *word, *arguments, *meaning;
};
extern const struct command_help request_commands[COMMANDS];

// Takes a line without its newline. False: complaint says why.
bool request_parse(const char *line, size_t bytes, struct request *out,
                   char complaint[REQUEST_COMPLAINT_BYTES]);
