// The program's standard error, for our own threads, which have descriptors of their own.
#pragma once

#include <stddef.h>

// Writes to the program's standard error, wherever that points now; to nobody when it is closed. A thread of ours.
void console_write(const char *line, size_t bytes);
