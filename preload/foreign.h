// Pointers that are not the heap's, given to free and its like: see foreign.c.
#pragma once

#include <stddef.h>

void foreign_free(void *p);
void *foreign_realloc(void *p, size_t n);
size_t foreign_usable(void *p);

// The C library's own free. From here on its functions are known by their addresses, whatever their names lead to (deepbind.c).
void *foreign_libc_symbol(void);
