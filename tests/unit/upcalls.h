// For tests that link the heap and have nobody to be called up.
#pragma once

#include "heap/heap.h"

static void nobody(void) {}
static void nobody_for(void *p) { (void)p; }

static bool nothing_found(void) { return false; }

struct heap_upcalls heap_upcalls = {nobody, nobody_for, nobody_for, nobody, nothing_found};
