// Settings: what the GCPRE_ variables of the environment ask for. The list is options.def.
//
// Before options_init, `options` holds the defaults. It is written by options_init while there is one thread, and by options_change for
// what the collector thread alone reads.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum free_mode { FREE_NOW, FREE_QUARANTINE, FREE_IGNORE };
enum report_format { FORMAT_TEXT, FORMAT_JSON };
enum barrier_choice { BARRIER_AUTO, BARRIER_UFFD, BARRIER_MPROTECT, BARRIER_NONE };
enum minor_choice { MINOR_NEVER, MINOR_AUTO, MINOR_ALWAYS };
enum { LEAKS_EXIT = 1 << 0, LEAKS_CYCLE = 1 << 1 };

#define OPTION(name, type, field, ...) type field;
struct options {
#include "base/options.def"
};
#undef OPTION

extern struct options options;

// Reads the settings out of envp, as getenv would (the first of two equal names counts), and keeps no pointer into it.
// A bad value or an unknown name gets one line, and the default. secure: a set-user-ID program, reads nothing.
void options_init(char **envp, bool secure);

// Looks whether the files that are named can be read or written; one that cannot gets a line, and the default.
void options_check_paths(void);

// Changes one setting of a running process; names in either case, as the environment's without GCPRE_. False: the value is none, and
// `expected` tells what would be. Not for settings that are paths. Collector thread, or while there is one thread.
bool options_change(const char *name, const char *text, const char **expected);

// GCPRE_HELP: the table of all settings to descriptor 1, a line each, in columns: variable, default, meaning.
void options_print_help(void);

// A path setting with %p replaced by the process's number and %% by %; false if it does not fit.
bool options_expand_path(const char *path, char *out, size_t bytes);
