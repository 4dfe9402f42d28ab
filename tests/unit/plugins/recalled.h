// A plugin of test_recall.c.
#pragma once

#include <stdint.h>

// Calls visit below so many frames, of which each is left's or right's as the path's bits say, from the lowest on.
void recalled_walk(uint64_t path, unsigned depth, void (*visit)(void));
