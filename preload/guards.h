// Before and after a call that gives [lo, hi) this access; wherever that is.
#pragma once

#include <stdint.h>

void guards_before_call(uintptr_t lo, uintptr_t hi, int prot);
void guards_after_call(uintptr_t lo, uintptr_t hi, int prot, long result);
