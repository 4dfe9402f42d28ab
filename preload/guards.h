// Before and after a call that gives [lo, hi) this access; wherever that is.
#pragma once

#include <stdint.h>

void guards_before_call(uintptr_t lo, uintptr_t hi, int prot);
void guards_after_call(uintptr_t lo, uintptr_t hi, int prot, long result);
// The advice to give for [lo, hi) instead (madvise(2)): of the heap a forked child must have all pages, if only as zeros.
int guards_advice(uintptr_t lo, uintptr_t hi, int advice);
