// Sorting where there is no libc: heapsort of numbers that stand for something, in place, without memory.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Into the order that `before` says (a strict weak one; whatever it answers, the list keeps its numbers).
void sort_numbers(uint32_t *list, size_t n, bool (*before)(uint32_t a, uint32_t b));
