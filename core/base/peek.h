// Reading memory of this process that may be unmapped at this moment: what another thread closes with dlclose(3).
//
// By process_vm_readv(2) on ourselves, a system call that fails where a load would be a fault. Where it is not permitted, and after
// peek_plainly, by loads.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Copies so many bytes; false: not all of them are there. Any thread, also in a critical section; errno stays.
bool peek(void *to, const void *from, size_t bytes);
// A text of less than so many bytes, with its end.
bool peek_text(char *to, const char *from, size_t bytes);
// The program restricts its system calls: this one is made no more.
void peek_plainly(void);
bool peek_is_plain(void);
