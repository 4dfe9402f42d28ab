// Pointers that are not the heap's, given to free and its like: see foreign.c.
#pragma once

#include <stddef.h>

void foreign_free(void *p);
void *foreign_realloc(void *p, size_t n);
size_t foreign_usable(void *p);
