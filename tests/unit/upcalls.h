// For tests that link the heap and have nobody to be called up.
#pragma once

#include "heap/heap.h"

static void nobody(void) {}
static void nobody_for(void *p) { (void)p; }

static bool nothing_found(void) { return false; }

struct heap_upcalls heap_upcalls = {.first_use = nobody,
                                    .free_foreign = nobody_for,
                                    .slow_alloc = nobody_for,
                                    .hidden_pointers = nobody,
                                    .out_of_memory = nothing_found};
